"""The options of fer-train, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_core.help import OptionGroup

Arch = Annotated[
    str | None,
    typer.Option(help="A network with its settings: fer-nano, resnet-20, a, b, c, d, e, ..."),
]
Config = Annotated[
    Path | None, typer.Option(help="A TOML file with settings. Default: those of --arch.")
]
Out = Annotated[Path | None, typer.Option(help="The run folder. Default: runs/ARCH-TIME.")]
Init = Annotated[str | None, typer.Option(help="Start from fer-nano, a run or a .keras file.")]
Qat = Annotated[
    bool,
    typer.Option(
        "--qat",
        help="Continue from --init with the rounding of int8 (quantization-aware training).",
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training split.")]
BatchSize = Annotated[int | None, typer.Option(help="Pictures in each training step.")]
LearningRate = Annotated[float | None, typer.Option(help="Highest learning rate of the schedule.")]
Labels = Annotated[
    str | None, typer.Option(help="fer2013, ferplus (majority) or ferplus-votes (soft).")
]
Size = Annotated[int | None, typer.Option(help="Side of the pictures in pixels.")]
Colour = Annotated[str | None, typer.Option("--colour", "--color", help="gray or rgb.")]
SoftLabels = Annotated[
    Path | None,
    typer.Option(help="A file that `fer-train soft-labels` wrote, to learn from as well."),
]
Teacher = Annotated[Path | None, typer.Option(hidden=True)]
Folds = Annotated[int | None, typer.Option(help="Cross-validate with this many parts.")]
OnDevices = Annotated[
    str, typer.Option("--devices", help="GPUs that share each batch: a number, or all (JAX).")
]
Seed = Annotated[int | None, typer.Option(help="Seed of all random numbers.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")]
On = Annotated[
    str,
    typer.Option(
        help="Where trainings run: local (as many at a time as fit), local:N, ray or ray://HEAD."
    ),
]
JobCpus = Annotated[
    int | None,
    typer.Option(min=1, help="With ray: cores (and threads) of each training. Default: 1."),
]
JobGpus = Annotated[
    float | None,
    typer.Option(min=0, help="With ray: GPUs of each training, such as 1 or 0.5. Default: none."),
]
Teachers = Annotated[
    list[Path], typer.Argument(help="fer2013new.csv of FER+, run folders, .keras files.")
]
SoftLabelsFile = Annotated[Path, typer.Option(help="The .npz to write.")]
PictureSize = Annotated[int, typer.Option(min=0, help="Side of the pictures in pixels.")]
PictureColour = Annotated[str, typer.Option("--colour", "--color", help="gray or rgb.")]
SplitSeed = Annotated[
    int, typer.Option(min=0, help="Seed of the run, if the run split the data itself.")
]
CheckedData = Annotated[Path, typer.Argument(help="fer2013.csv, an .npz or a folder tree.")]
Sheet = Annotated[
    Path | None, typer.Option(help="A .png with pictures of each class and the doubtful ones.")
]
Photos = Annotated[Path, typer.Argument(help="Photos, a folder for each class.")]
FacesFolder = Annotated[Path, typer.Argument(help="A new folder for the face pictures.")]
FaceSize = Annotated[
    int, typer.Option(min=8, max=1024, help="Side of the face pictures in pixels.")
]
TestShare = Annotated[
    float,
    typer.Option(
        min=0, max=0.5, help="Share of each class to set aside for the test, in whole series."
    ),
]
Model = Annotated[Path, typer.Argument(help="A run folder, a .keras file, or fer-nano.")]
Pictures = Annotated[list[Path], typer.Argument(help="Pictures, one face each.")]
Layer = Annotated[
    str | None,
    typer.Option(help="The layer to explain by. Default: the end of the last convolution."),
]
Label = Annotated[
    str | None, typer.Option(help="The label to explain. Default: the most probable one.")
]
ExplainedFile = Annotated[Path, typer.Option(help="The picture to write.")]
StudioFolder = Annotated[Path, typer.Argument(help="The folder for crops and trained models.")]
StudioCamera = Annotated[
    str, typer.Option(help="This computer's camera: 0, 1, ..., picamera or an address.")
]
StudioPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")]
StudioHost = Annotated[
    str,
    typer.Option(
        help="0.0.0.0 lets other computers in, with --https and a token in $FER_EDGE_TOKEN."
    ),
]
StudioDetector = Annotated[
    str, typer.Option(help="haar, yunet or FILE.onnx. Default: yunet if it is installed.")
]
StudioHttps = Annotated[
    bool,
    typer.Option(
        "--https", help="Encrypt the page. Phones give their camera only to encrypted pages."
    ),
]
StudioPlainHttp = Annotated[
    bool,
    typer.Option(
        "--plain-http",
        help="Let other computers in without encryption, in a network that you trust.",
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Open no browser.")]

Data = Annotated[
    Path | None,
    typer.Option(help="fer2013.csv, an .npz or a folder tree; else $FER2013 or data/fer2013.*"),
]
Votes = Annotated[
    Path | None, typer.Option(help="fer2013new.csv of FER+; else the one next to the data.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out and count them.")]
Detector = Annotated[
    str, typer.Option(help="What finds faces: haar, yunet (as fer-edge), or FILE.onnx.")
]

GROUPS = (
    OptionGroup(
        "What to learn from",
        ("data", "labels", "votes", "soft_labels", "size", "colour", "skip_bad"),
        ("fer-train --data my-faces --init fer-nano", "fer-train --labels ferplus"),
    ),
    OptionGroup(
        "Network and settings",
        ("arch", "config", "init", "qat", "epochs", "batch_size", "learning_rate", "seed"),
        ("fer-train --arch fer-small", "fer-train --config my.toml --epochs 20"),
    ),
    OptionGroup(
        "How to run",
        ("out", "resume", "folds", "devices"),
        ("fer-train --out runs/mine --resume", "fer-train --folds 5 --out runs/five"),
    ),
)
"""How `--help` shows them."""


def settings() -> list[str]:
    """Return the keys that a settings file may have."""
    from dataclasses import fields

    from fer_train.config import TrainConfig

    return [each.name for each in fields(TrainConfig)]
