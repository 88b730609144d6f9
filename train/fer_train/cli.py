"""The command fer-train."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.command import LogFormat, Quiet, Version, grouped, make_app, run_app
from fer_core.errors import ArgumentError, FerError
from fer_core.help import with_examples
from fer_core.logs import talk
from fer_core.text import typed
from fer_edge.faces.detectors import DEFAULT_DETECTOR
from fer_train import options
from fer_train.backend import need, start_quietly, start_tensorflow
from fer_train.device import choose_backend
from fer_train.devices import chosen_devices, prepare_devices
from fer_train.ensemble_cli import train_networks
from fer_train.folds_cli import train_folds
from fer_train.reported import print_report
from fer_train.studio.cli import serve_studio
from fer_train.sweep.cli import try_settings

if TYPE_CHECKING:
    from fer_train.config import TrainConfig

app = make_app()
app.command(
    "folds",
    cls=with_examples(
        "fer-train folds 5 --data faces/ --epochs 30", "fer-train folds 5 --data faces/ --on ray"
    ),
)(train_folds)
app.command(
    "ensemble", cls=with_examples("fer-train ensemble 5 --arch mini-xception --out runs/five")
)(train_networks)
app.command("sweep", cls=with_examples("fer-train sweep space.toml --arch fer-nano --budget 8h"))(
    try_settings
)
app.command(
    "studio",
    cls=with_examples("fer-train studio", "fer-train studio gestures --host 0.0.0.0 --https"),
)(serve_studio)


@app.command(cls=grouped(*options.GROUPS))
def run(
    data: options.Data = None,
    arch: options.Arch = None,
    config: options.Config = None,
    out: options.Out = None,
    init: options.Init = None,
    qat: options.Qat = False,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    labels: options.Labels = None,
    votes: options.Votes = None,
    size: options.Size = None,
    colour: options.Colour = None,
    soft_labels: options.SoftLabels = None,
    teacher: options.Teacher = None,
    folds: options.Folds = None,
    devices: options.OnDevices = "1",
    seed: options.Seed = None,
    resume: options.Resume = False,
    skip_bad: options.SkipBad = False,
    quiet: Quiet = False,
    log_format: LogFormat = "text",
    version: Version = False,
) -> None:
    """Train an expression classifier and leave a run folder.

    The best epoch is chosen on the validation split; the test split is left to fer-bench.
    """
    given = locals().copy()  # each option by its name
    need("keras", "matplotlib", "sklearn")
    from fer_train.given_settings import require_data, settings_of

    settings = settings_of(given)
    choose_backend()
    prepare_devices(devices, settings.folds, talk(quiet))
    require_data(settings, out)
    start_quietly()
    folder = out or Path("runs") / f"{settings.arch}-{datetime.now():%Y%m%d-%H%M%S}"
    _train(settings, folder, resume, devices, quiet)


def _train(settings: TrainConfig, folder: Path, resume: bool, devices: str, quiet: bool) -> None:
    from fer_train.cross_validation import cross_validate
    from fer_train.run import run_training
    from fer_train.run_folder import has_begun

    shared = chosen_devices(devices, talk(quiet))
    go = cross_validate if settings.folds else partial(run_training, devices=shared)
    say = talk(quiet or not shared.leads)
    try:
        go(settings, folder, resume, say)
    except KeyboardInterrupt:
        if has_begun(folder):
            say(f"stopped; to continue: fer-train --out {typed(folder)} --resume")
        raise
    if shared.leads:
        print_report(folder)


@app.command(
    "soft-labels",
    cls=with_examples(
        "fer-train soft-labels data/fer2013new.csv runs/teacher --out soft-labels.npz"
    ),
)
def make_soft_labels(
    teachers: options.Teachers,
    out: options.SoftLabelsFile,
    data: options.Data = None,
    size: options.PictureSize = 0,
    colour: options.PictureColour = "gray",
    seed: options.SplitSeed = 1,
    skip_bad: options.SkipBad = False,
    quiet: Quiet = False,
) -> None:
    """Let teachers judge the training pictures once, for `fer-train --soft-labels`.

    The soft labels are the mean of what the teachers say.
    """
    need("keras", "sklearn")
    start_quietly()
    from fer_core.data_settings import DataSettings
    from fer_train.soft_labels import write_soft_labels

    where = str(data) if data else ""
    try:
        settings = DataSettings(where, size=size, colour=colour, seed=seed, skip_bad=skip_bad)
    except ValueError as error:
        raise ArgumentError(str(error), see="setting-wrong") from error
    print(write_soft_labels(teachers, settings.load(), out, talk(quiet)))


@app.command(
    cls=with_examples("fer-train check data/fer2013.csv", "fer-train check faces/ --skip-bad")
)
def check(
    data: options.CheckedData,
    votes: options.Votes = None,
    sheet: options.Sheet = None,
    skip_bad: options.SkipBad = False,
) -> None:
    """Say what a data set holds: counts, faults, duplicates, leaks, label noise.

    Bad rows end it with exit code 1 unless --skip-bad is given.
    """
    from fer_core.readers import load_dataset
    from fer_train.check import describe_dataset, usable_votes

    if sheet:
        need("matplotlib")
        from fer_train.check_sheet import save_check_sheet
        from fer_train.figures import require_picture

        require_picture(sheet)
    dataset = load_dataset(data, skip_bad=True)
    votes, note = usable_votes(dataset, data, votes)
    print(describe_dataset(dataset, votes))
    if note:
        print(note)
    if sheet:
        save_check_sheet(sheet, dataset, votes)
        print(f"contact sheet: {sheet}")
    if dataset.faults and not skip_bad:
        raise FerError(
            "bad rows: correct them, or train without them: --skip-bad", see="data-bad-rows"
        )


@app.command(
    cls=with_examples(
        "fer-train prepare photos/ faces/ --test 0.2",
        "fer-train prepare photos/ faces/ --colour rgb",
    )
)
def prepare(
    photos: options.Photos,
    out: options.FacesFolder,
    size: options.FaceSize = 48,
    colour: options.PictureColour = "gray",
    test: options.TestShare = 0.0,
    detector: options.Detector = DEFAULT_DETECTOR,
    quiet: Quiet = False,
) -> None:
    """Find and crop the faces of your photos, as fer-edge does, ready for training."""
    need("cv2", "matplotlib")
    from fer_core.preprocess import InputSpec
    from fer_edge.faces.detector import DetectorRequest
    from fer_edge.faces.detectors import make_detector
    from fer_train.prepare import prepare_photos
    from fer_train.prepare_sheet import save_prepared_sheet

    try:
        spec = InputSpec(size, size, colour)
    except ValueError as error:
        raise ArgumentError(str(error), see="setting-wrong") from error
    finder = make_detector(detector, DetectorRequest(stream=False))
    prepared = prepare_photos(photos, out, finder, spec, test)
    save_prepared_sheet(photos, prepared)
    print(prepared.text())


@app.command(cls=with_examples("fer-train explain runs/first photo.jpg --out explained.png"))
def explain(
    model: options.Model,
    pictures: options.Pictures,
    layer: options.Layer = None,
    label: options.Label = None,
    detector: options.Detector = DEFAULT_DETECTOR,
    out: options.ExplainedFile = Path("explained.png"),
) -> None:
    """Show where a network looks: Grad-CAM over the face of each picture."""
    need("keras", "tensorflow", "matplotlib")
    start_tensorflow()
    from fer_edge.faces.detector import DetectorRequest
    from fer_edge.faces.detectors import make_detector
    from fer_train.figures import require_picture
    from fer_train.grad_cam import explain_picture, index_of, save_explanations
    from fer_train.run_facts import model_labels
    from fer_train.run_folder import model_file
    from fer_train.transfer import load_keras_model

    require_picture(out)
    if out.resolve() in {picture.resolve() for picture in pictures}:
        raise ArgumentError(f"writing {out} would replace a picture to explain")
    finder = make_detector(detector, DetectorRequest(stream=False))
    file = model_file(model)
    network, labels = load_keras_model(file), model_labels(file)
    labels = labels or tuple(f"class {i}" for i in range(network.output_shape[-1]))
    chosen = index_of(label, labels) if label else None
    seen = [explain_picture(network, path, finder, layer, chosen) for path in pictures]
    save_explanations(out, seen, labels)
    for one in seen:
        likeliest = int(one.probabilities.argmax())
        whole = "" if one.has_face else " (no face found: of the whole picture)"
        print(f"{one.name}: {labels[likeliest]} {one.probabilities[likeliest]:.0%}{whole}")
    print(f"explained in {out}")


def main() -> None:
    """Entry point."""
    run_app(app, "fer-train", options.settings)
