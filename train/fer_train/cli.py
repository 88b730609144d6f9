"""The command fer-train."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import Quiet, Version, make_app, run_app, talk
from fer_core.errors import ArgumentError
from fer_core.settings import load_settings
from fer_train.backend import need, start_quietly

app = make_app()
Data = Annotated[
    Path | None,
    typer.Option(help="fer2013.csv, an .npz or a folder tree; else $FER2013 or data/fer2013.*"),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out and count them.")]


@app.command(
    epilog="Examples:  fer-train   |   fer-train --arch fer-small --epochs 80   |   "
    "fer-train --config train/configs/fer-nano.toml --out runs/nano   |   "
    "fer-train --out runs/nano --resume.   "
    "Other commands: fer-train check --help   |   fer-train soft-labels --help"
)
def run(
    data: Data = None,
    arch: Annotated[str | None, typer.Option(help="fer-nano, fer-small, mini-xception")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings as TOML.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder, runs/ARCH-TIME if none.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training split.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its highest value.")] = None,
    teacher: Annotated[Path | None, typer.Option(help="A file of soft labels.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides every random draw.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where --out stopped.")] = False,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Train an expression classifier and leave a run folder.

    The best epoch is chosen on the validation split; the test split is left to fer-bench.
    """
    need("keras", "matplotlib")
    from fer_train.config import TrainConfig
    from fer_train.run_folder import resumed_config, settled

    given = {
        "data": str(data.resolve()) if data else None,
        "skip_bad": skip_bad or None,
        "arch": arch,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "teacher": str(teacher.resolve()) if teacher else None,
        "seed": seed,
    }
    if resume:
        if out is None or config or any(value is not None for value in given.values()):
            raise ArgumentError("--resume takes --out alone: a run goes on with its own settings")
        settings = resumed_config(out)
    else:
        read = load_settings(TrainConfig, config, given)
        settings = settled(read, config.parent if config else Path())
    start_quietly()
    from fer_train.run import run_training

    folder = out or Path("runs") / f"{settings.arch}-{datetime.now():%Y%m%d-%H%M%S}"
    report = run_training(settings, folder, resume, talk(quiet))
    print(report.text(), end="")
    print(f"run folder: {folder}")


@app.command("soft-labels")
def soft_labels(
    votes: Annotated[Path, typer.Argument(help="fer2013new.csv of FER+.")],
    out: Annotated[Path, typer.Option(help="The .npz to write.")],
    data: Data = None,
    skip_bad: SkipBad = False,
) -> None:
    """Turn the votes of FER+ into soft labels for `fer-train --teacher`."""
    need("sklearn")
    from fer_core.readers import load_dataset
    from fer_train.distill import save_soft_labels, soft_labels_from_votes

    dataset = load_dataset(data, skip_bad=skip_bad)
    soft, accuracy = soft_labels_from_votes(dataset, votes)
    save_soft_labels(out, dataset.part("train"), soft)
    print(f"{len(soft)} soft labels in {out}; the votes alone reach {accuracy:.1%} on validation")


@app.command()
def check(
    data: Annotated[Path, typer.Argument(help="fer2013.csv, an .npz or a folder tree.")],
    skip_bad: SkipBad = False,
) -> None:
    """Read a data set and say what it holds: counts, faults, twins across splits."""
    from fer_core.readers import load_dataset
    from fer_train.check import describe_dataset

    print(describe_dataset(load_dataset(data, skip_bad=skip_bad)))


def main() -> None:
    """Entry point."""
    run_app(app, "fer-train")
