"""The command fer-train."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import Quiet, Version, make_app, run_app, talk
from fer_core.errors import ArgumentError, FerError
from fer_train.backend import need, start_quietly

app = make_app()
Data = Annotated[
    Path | None,
    typer.Option(help="fer2013.csv, an .npz or a folder tree; else $FER2013 or data/fer2013.*"),
]
Votes = Annotated[
    Path | None, typer.Option(help="fer2013new.csv of FER+; else the one beside the data.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out and count them.")]


@app.command(
    epilog="Examples:  fer-train   |   fer-train --arch d --epochs 20   |   "
    "fer-train --data my-faces --init fer-nano   |   fer-train --labels ferplus   |   "
    "fer-train --config my.toml --out runs/mine   |   fer-train --folds 5 --out runs/five   |   "
    "fer-train --out runs/mine --resume.   Other commands (fer-train NAME --help): "
    "check, prepare, explain, soft-labels"
)
def run(
    data: Data = None,
    arch: Annotated[
        str | None,
        typer.Option(help="A recipe's network: fer-nano, resnet-20, a, b, c, d, e, ..."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings as TOML; else the recipe of --arch.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder, runs/ARCH-TIME if none.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="Start from fer-nano, a run or a .keras file.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training split.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its highest value.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="fer2013, ferplus (majority) or ferplus-votes (soft).")
    ] = None,
    votes: Votes = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures in pixels.")] = None,
    colour: Annotated[str | None, typer.Option(help="gray or rgb.")] = None,
    teacher: Annotated[Path | None, typer.Option(help="A file of soft labels.")] = None,
    folds: Annotated[int | None, typer.Option(help="Cross-validate over so many parts.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides every random draw.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where --out stopped.")] = False,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Train an expression classifier and leave a run folder.

    The best epoch is chosen on the validation split; the test split is left to fer-bench.
    """
    need("keras", "matplotlib", "sklearn")
    from fer_train.run_folder import chosen_config, resumed_config

    given = {
        "data": str(data.resolve()) if data else None,
        "skip_bad": skip_bad or None,
        "labels": labels,
        "votes": str(votes.resolve()) if votes else None,
        "size": size,
        "colour": colour,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "teacher": str(teacher.resolve()) if teacher else None,
        "seed": seed,
    }
    if resume:
        asked = [config, arch, init, *given.values()]
        if out is None or any(value is not None for value in asked):
            raise ArgumentError("--resume takes --out alone: a run goes on with its own settings")
        settings = resumed_config(out)
    else:
        settings = chosen_config(config, arch, init, given)
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
    votes: Votes = None,
    sheet: Annotated[
        Path | None, typer.Option(help="A .png with pictures of each class and the doubtful ones.")
    ] = None,
    skip_bad: SkipBad = False,
) -> None:
    """Say what a data set holds: counts, faults, duplicates, leaks, label noise.

    Bad rows end it with exit code 1 unless --skip-bad is given.
    """
    from fer_core.ferplus import votes_beside
    from fer_core.readers import load_dataset
    from fer_train.check import describe_dataset

    dataset = load_dataset(data, skip_bad=True)
    votes = votes or votes_beside(data)
    print(describe_dataset(dataset, votes))
    if sheet:
        need("matplotlib")
        from fer_train.check_sheet import save_check_sheet

        save_check_sheet(sheet, dataset, votes)
        print(f"contact sheet: {sheet}")
    if dataset.faults and not skip_bad:
        raise FerError("bad rows: mend them, or train without them: --skip-bad")


def main() -> None:
    """Entry point."""
    run_app(app, "fer-train")
