"""The command fer-train."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import DefaultCommand, Quiet, Version, make_app, run_app, talk
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
    cls=DefaultCommand,
    epilog="Examples:  fer-train   |   fer-train --arch d --epochs 20   |   "
    "fer-train --data my-faces --init fer-nano   |   fer-train --labels ferplus   |   "
    "fer-train --config my.toml --out runs/mine   |   fer-train --folds 5 --out runs/five   |   "
    "fer-train --out runs/mine --resume.   Other commands (fer-train NAME --help): "
    "check, prepare, explain, soft-labels",
)
def run(
    data: Data = None,
    arch: Annotated[
        str | None,
        typer.Option(help="A network with its settings: fer-nano, resnet-20, a, b, c, d, e, ..."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings as TOML; else those of --arch.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run folder, runs/ARCH-TIME if none.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(help="Start from fer-nano, a run or a .keras file.")
    ] = None,
    qat: Annotated[
        bool, typer.Option("--qat", help="Go on from --init with the rounding of int8 in it.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training split.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its highest value.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="fer2013, ferplus (majority) or ferplus-votes (soft).")
    ] = None,
    votes: Votes = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures in pixels.")] = None,
    colour: Annotated[str | None, typer.Option(help="gray or rgb.")] = None,
    soft_labels: Annotated[
        Path | None, typer.Option(help="A file of `fer-train soft-labels`, to distil from.")
    ] = None,
    teacher: Annotated[Path | None, typer.Option(hidden=True)] = None,
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
    from fer_train.run_folder import chosen_config, resumed_config, soft_labels_file

    given = {
        "data": str(data.resolve()) if data else None,
        "skip_bad": skip_bad or None,
        "labels": labels,
        "votes": str(votes.resolve()) if votes else None,
        "size": size,
        "colour": colour,
        "qat": qat or None,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "soft_labels": soft_labels_file(soft_labels, teacher),
        "folds": folds,
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
    from fer_train.cross_validation import cross_validate
    from fer_train.run import run_training

    folder = out or Path("runs") / f"{settings.arch}-{datetime.now():%Y%m%d-%H%M%S}"
    go = cross_validate if settings.folds else run_training
    go(settings, folder, resume, talk(quiet))
    print((folder / "report.txt").read_text(encoding="utf-8"), end="")
    print(f"run folder: {folder}")


@app.command("soft-labels")
def make_soft_labels(
    teachers: Annotated[
        list[Path], typer.Argument(help="fer2013new.csv of FER+, run folders, .keras files.")
    ],
    out: Annotated[Path, typer.Option(help="The .npz to write.")],
    data: Data = None,
    size: Annotated[int, typer.Option(min=0, help="Side of the pictures in pixels.")] = 0,
    colour: Annotated[str, typer.Option(help="gray or rgb.")] = "gray",
    seed: Annotated[int, typer.Option(min=0, help="Of the run, if it divided the data.")] = 1,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
) -> None:
    """Let teachers judge the training pictures once, for `fer-train --soft-labels`.

    The soft labels are the mean of what the teachers say.
    """
    need("keras", "sklearn")
    start_quietly()
    from fer_core.data_settings import DataSettings
    from fer_train.soft_labels import write_soft_labels

    settings = DataSettings(
        data=str(data) if data else "", size=size, colour=colour, seed=seed, skip_bad=skip_bad
    )
    print(write_soft_labels(teachers, settings.load(), out, talk(quiet)))


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

    if sheet:
        need("matplotlib")
        from fer_train.check_sheet import save_check_sheet
        from fer_train.figures import require_picture

        require_picture(sheet)
    dataset = load_dataset(data, skip_bad=True)
    votes = votes or votes_beside(data)
    print(describe_dataset(dataset, votes))
    if sheet:
        save_check_sheet(sheet, dataset, votes)
        print(f"contact sheet: {sheet}")
    if dataset.faults and not skip_bad:
        raise FerError("bad rows: mend them, or train without them: --skip-bad")


@app.command()
def prepare(
    photos: Annotated[Path, typer.Argument(help="Photos, one folder a class.")],
    out: Annotated[Path, typer.Argument(help="A new folder for the face pictures.")],
    size: Annotated[
        int, typer.Option(min=8, max=1024, help="Side of the face pictures in pixels.")
    ] = 48,
    colour: Annotated[str, typer.Option(help="gray or rgb.")] = "gray",
    test: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="Share to set aside as a test set, whole series each."),
    ] = 0.0,
    quiet: Quiet = False,
) -> None:
    """Find and crop the faces of your photos, as the runner does, ready for training."""
    need("cv2", "matplotlib")
    from fer_core.preprocess import InputSpec
    from fer_edge.faces.haar import HaarDetector
    from fer_train.prepare import prepare_photos
    from fer_train.prepare_sheet import save_prepared_sheet

    try:
        spec = InputSpec(size, size, colour)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    prepared = prepare_photos(photos, out, HaarDetector(), spec, test)
    save_prepared_sheet(photos, prepared)
    print(prepared.text())


@app.command()
def explain(
    model: Annotated[Path, typer.Argument(help="A run folder, a .keras file, or fer-nano.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures, one face each.")],
    layer: Annotated[
        str | None,
        typer.Option(help="Whose maps to explain by; else the end of the last convolution."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Which label to explain; else the likeliest.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("explained.png"),
) -> None:
    """Show where a network looks: Grad-CAM over the face of each picture."""
    need("keras", "matplotlib")
    start_quietly()
    from fer_edge.faces.haar import HaarDetector
    from fer_train.figures import require_picture
    from fer_train.grad_cam import explain_picture, index_of, save_explanations
    from fer_train.run_facts import model_labels
    from fer_train.run_folder import model_file
    from fer_train.transfer import load_keras_model

    require_picture(out)
    if out.resolve() in {picture.resolve() for picture in pictures}:
        raise ArgumentError(f"writing {out} would replace a picture to explain")
    file = model_file(model)
    network, labels = load_keras_model(file), model_labels(file)
    labels = labels or tuple(f"class {i}" for i in range(network.output_shape[-1]))
    chosen = index_of(label, labels) if label else None
    detector = HaarDetector()
    seen = [explain_picture(network, path, detector, layer, chosen) for path in pictures]
    save_explanations(out, seen, labels)
    for one in seen:
        likeliest = int(one.probabilities.argmax())
        whole = "" if one.has_face else " (no face found: of the whole picture)"
        print(f"{one.name}: {labels[likeliest]} {one.probabilities[likeliest]:.0%}{whole}")
    print(f"explained in {out}")


def main() -> None:
    """Entry point."""
    run_app(app, "fer-train")
