"""The options of fer-bench, each with its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_core.help import OptionGroup

Models = Annotated[
    list[Path] | None, typer.Argument(help=".tflite bundles; else the shipped ones.")
]
Data = Annotated[
    Path | None, typer.Option(help="Test pictures; else $FER2013 or data/fer2013.*, if there.")
]
Votes = Annotated[
    Path | None,
    typer.Option(help="fer2013new.csv: judge models of FER+'s eight classes by its majority."),
]
Parent = Annotated[Path | None, typer.Option(help="The float32 bundle to compare labels with.")]
Video = Annotated[
    list[Path] | None,
    typer.Option(help="A clip to measure everything on, from frame to label; may be repeated."),
]
Faces = Annotated[
    Path | None, typer.Option(help="A table of the clips' faces: file,frame,x,y,w,h.")
]
Rival = Annotated[
    str | None, typer.Option(help="Also measure the package fer: give fer, or its wheel.")
]
Robustness = Annotated[
    bool,
    typer.Option("--robustness", help="Also measure blurred, noisy, dark, small and turned faces."),
]
Steady = Annotated[
    float,
    typer.Option(
        min=0,
        max=86_400,
        help="Run each model for this many seconds without a pause: heat, energy.",
    ),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="A tenth of the timed runs, no test-time augmentation.")
]
On = Annotated[
    str,
    typer.Option(
        help="ray or ray://HEAD:PORT: measure only accuracy, on a cluster, one task for each model."
    ),
]
Out = Annotated[Path | None, typer.Option(help="A folder; else results/TIME.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out.")]

ResultsFile = Annotated[Path, typer.Argument(help="A results.json of fer-bench.")]
OtherResultsFile = Annotated[Path, typer.Argument(help="Another one, of the same machine.")]
OwnResultsFile = Annotated[Path, typer.Argument(help="A results.json of fer-bench, of your board.")]
Page = Annotated[
    Path | None, typer.Option(help="A .html or .md file; else report.html next to the results.")
]
Columns = Annotated[
    str | None,
    typer.Option(help="NAME,NAME...: print these models side by side, and make no page."),
]
Detail = Annotated[
    bool, typer.Option("--detail", help="With --columns: every class and distortion as well.")
]
Percent = Annotated[
    float,
    typer.Option(
        min=0, help="Percent by which latency, memory and size may grow, and latency may fall."
    ),
]
MaxDrop = Annotated[
    float, typer.Option(min=0, help="Points of accuracy and other shares that may be lost.")
]
Reference = Annotated[Path, typer.Option(help="The folder of the committed results.")]

PhotoFolder = Annotated[Path, typer.Argument(help="A folder of photos.")]
MarkedFaces = Annotated[
    Path,
    typer.Option(help="A table of their faces: file,x,y,w,h, and optionally group and ignore."),
]
Detectors = Annotated[
    list[str] | None,
    typer.Option(
        "--detector", help="What finds the faces: haar, yunet or FILE.onnx; may be repeated."
    ),
]

GROUPS = (
    OptionGroup(
        "What to measure",
        ("models", "parent", "rival", "quick", "robustness", "steady"),
        ("fer-bench mine-int8.tflite --robustness", "fer-bench --steady 600"),
    ),
    OptionGroup(
        "Pictures and clips",
        ("data", "votes", "skip_bad", "video", "faces", "detector"),
        ("fer-bench --data fer2013.csv", "fer-bench --video clip.mp4 --faces faces.csv"),
    ),
)
"""How `--help` shows them."""
