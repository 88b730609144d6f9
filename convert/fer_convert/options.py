"""The options of fer-convert, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_core.help import OptionGroup

RunOrModel = Annotated[
    Path | None,
    typer.Argument(help="A run, a Keras file, a SavedModel or a .tflite; else the newest run."),
]
Float32 = Annotated[bool, typer.Option("--float32", help="All numbers as float32, as trained.")]
Float16 = Annotated[bool, typer.Option("--float16", help="Weights as float16.")]
Dynamic = Annotated[bool, typer.Option("--dynamic", help="Weights as int8, computed in float32.")]
Int8 = Annotated[bool, typer.Option("--int8", help="Everything as int8. This is the default.")]
Int16x8 = Annotated[bool, typer.Option("--int16x8", help="Weights as int8, activations as int16.")]
Every = Annotated[bool, typer.Option("--all", help="All of these formats.")]
KeepFloat = Annotated[
    list[str] | None,
    typer.Option(help="A layer to leave in float32, as --layer-errors names it; may be repeated."),
]
RuntimeFloor = Annotated[
    str, typer.Option(help="The oldest TensorFlow Lite that must load the file, such as 2.14.")
]
LayerErrors = Annotated[
    bool,
    typer.Option(
        "--layer-errors", help="Show how much each layer loses by int8, as a table and a plot."
    ),
]
Explain = Annotated[bool, typer.Option("--explain", hidden=True)]
Micro = Annotated[
    bool, typer.Option("--micro", help="The int8 bundle as a C array for a microcontroller.")
]
Verify = Annotated[
    bool,
    typer.Option("--verify", help="Compare a bundle with its parent again, without TensorFlow."),
]
Data = Annotated[
    Path | None, typer.Option(help="The data it was trained on; else as the run says.")
]
CalibrationSamples = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_000_000,
        help="Number of training pictures that int8 is calibrated with. Default: 512.",
    ),
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        help="Points of accuracy that may be lost. Default: 0.5, or four pictures if they are few. "
        "With --verify: what the conversion allowed."
    ),
]
Out = Annotated[Path | None, typer.Option(help="A folder. Default: next to the model.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace bundles that differ.")]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Seed that chooses the calibration pictures. Default: 1.")
]

AdoptedFile = Annotated[Path, typer.Argument(help="A .tflite file that fer-convert did not make.")]
Labels = Annotated[
    str, typer.Option(help="happy,sad,... in the order of its outputs, or a text file of them.")
]
InputColour = Annotated[
    str | None, typer.Option("--input", help="gray or rgb. Default: from its channels.")
]
InputScale = Annotated[
    str | None,
    typer.Option(
        help="Range of pixels that it expects: 0..1, -1..1 or 0..255. Default: from integer input."
    ),
]
AdoptedOut = Annotated[Path | None, typer.Option(help="A folder. Default: next to the file.")]
OverwriteEarlier = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier bundle.")]

GROUPS = (
    OptionGroup(
        "What to convert",
        ("run_or_model", "data", "out", "overwrite"),
        ("fer-convert runs/mine --int8", "fer-convert model.keras --int8 --data fer2013.csv"),
    ),
    OptionGroup(
        "Formats",
        ("float32", "float16", "dynamic", "int8", "int16x8", "every", "micro", "runtime_floor"),
        ("fer-convert runs/mine --all", "fer-convert mine-int8.tflite --micro"),
    ),
    OptionGroup(
        "How int8 is made",
        ("keep_float", "calibration_samples", "seed"),
        ("fer-convert --int8 --keep-float conv2d", "fer-convert --int8 --seed 2"),
    ),
    OptionGroup(
        "How it is checked",
        ("max_drop", "layer_errors", "verify"),
        ("fer-convert --int8 --max-drop 0.3", "fer-convert --verify mine-int8.tflite"),
    ),
)
"""How `--help` shows them."""
