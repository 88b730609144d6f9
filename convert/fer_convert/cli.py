"""The command fer-convert."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_convert import options
from fer_convert.runtimes import require_version
from fer_core.command import LogFormat, Quiet, Version, command_line, grouped, make_app, run_app
from fer_core.errors import ArgumentError, FerError
from fer_core.help import with_examples
from fer_core.logs import talk

if TYPE_CHECKING:
    from fer_convert.job import ConversionRequest
    from fer_convert.recipes import QuantizationRecipe
    from fer_core.dataset import FerDataset
    from fer_core.values import UInt8Array

app = make_app()
_FORMATS = ("float32", "float16", "dynamic", "int8", "int16x8")
_FOR_MAKING = (
    *_FORMATS,
    *("every", "layer_errors", "keep_float", "calibration_samples", "overwrite", "seed"),
)
"""Options that say how a bundle is made, and mean nothing for one that is there."""


@app.command(cls=grouped(*options.GROUPS))
def run(
    run_or_model: options.RunOrModel = None,
    float32: options.Float32 = False,
    float16: options.Float16 = False,
    dynamic: options.Dynamic = False,
    int8: options.Int8 = False,
    int16x8: options.Int16x8 = False,
    every: options.Every = False,
    keep_float: options.KeepFloat = None,
    runtime_floor: options.RuntimeFloor = "",
    layer_errors: options.LayerErrors = False,
    explain: options.Explain = False,
    micro: options.Micro = False,
    verify: options.Verify = False,
    data: options.Data = None,
    calibration_samples: options.CalibrationSamples = None,
    max_drop: options.MaxDrop = None,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = None,
    quiet: Quiet = False,
    log_format: LogFormat = "text",
    version: Version = False,
) -> None:
    """Convert a Keras model to a .tflite bundle and measure what that changed."""
    given = locals().copy()  # each option by its name
    if explain:
        talk(quiet)(
            "--explain is called --layer-errors now; the old name works for one release more"
        )
        given["layer_errors"] = True
    if runtime_floor:
        require_version(runtime_floor)
    if run_or_model and run_or_model.suffix == ".tflite":
        if any(_is_given(given[name]) for name in _FOR_MAKING):
            raise ArgumentError(
                f"{run_or_model} is already converted: give the run or the .keras file that it was "
                "made from"
            )
        _look_at(run_or_model, data, out, max_drop, runtime_floor, verify, micro)
        return
    _require_sense(given)
    _start_tensorflow()
    _convert(_request(given), micro, quiet)


def _request(given: Mapping[str, Any]) -> ConversionRequest:
    """Return what is converted and how, by the options of the command."""
    from fer_convert.job import ConversionRequest
    from fer_convert.recipes import chosen_recipes

    return ConversionRequest(
        target=given["run_or_model"],
        recipes=chosen_recipes(_formats(given), given["keep_float"]),
        data=given["data"],
        out=given["out"],
        calibration_samples=given["calibration_samples"],
        max_drop_points=given["max_drop"],
        overwrite=given["overwrite"],
        seed=1 if given["seed"] is None else given["seed"],
        layer_errors=given["layer_errors"],
        runtime_floor=given["runtime_floor"],
        command=command_line("fer-convert", without="--out"),
    )


def _is_given(value: object) -> bool:
    return not (value is None or value is False or value == [])


def _formats(given: Mapping[str, Any]) -> list[str]:
    """Return the formats that are asked for; int8 where none is, or where C is made of it."""
    asked = {name for name in _FORMATS if given[name] or given["every"]}
    if given["micro"] or not asked:
        asked.add("int8")
    return [name for name in _FORMATS if name in asked]


def _start_tensorflow() -> None:
    from fer_train.backend import need, start_tensorflow

    need("tensorflow", "scipy")
    start_tensorflow()


def _convert(request: ConversionRequest, micro: bool, quiet: bool) -> None:
    """Make the bundles; one that is refused takes nothing from the others."""
    from fer_convert.convert import convert
    from fer_convert.micro import some_pictures

    integer: list[tuple[Path, FerDataset]] = []

    def done(path: Path, recipe: QuantizationRecipe, validation: FerDataset) -> None:
        print(path)
        if recipe.full_integer:
            integer.append((path, validation))

    faults = []
    try:
        convert(request, talk(quiet), done=done)
    except ArgumentError:
        raise
    except FerError as error:
        faults.append(error)
    for path, validation in integer if micro else ():
        try:
            _for_a_microcontroller(path, some_pictures(validation), path.parent)
        except FerError as error:
            faults.append(error)
    if faults:
        raise FerError.joined(faults) from faults[0]


def _require_sense(given: Mapping[str, Any]) -> None:
    """Raise FerError for options that do not go together, and for a model that is not there."""
    from fer_train.run_folder import model_file

    others = any(given[name] for name in (*_FORMATS, "every") if name != "int8")
    if given["verify"]:
        raise ArgumentError("--verify takes a bundle: fer-convert --verify FILE.tflite")
    without_int8 = others and not (given["int8"] or given["every"])
    if given["layer_errors"] and (given["keep_float"] or without_int8):
        raise ArgumentError("--layer-errors says what int8 loses: add --int8, without --keep-float")
    if given["keep_float"] and (given["micro"] or others):
        raise ArgumentError("--keep-float makes one bundle: leave --micro and other formats out")
    if given["run_or_model"]:  # said before the seconds that importing TensorFlow takes
        model_file(given["run_or_model"])


def _look_at(
    file: Path,
    data: Path | None,
    out: Path | None,
    max_drop: float | None,
    runtime_floor: str,
    verify: bool,
    micro: bool,
) -> None:
    """Do with a finished bundle what needs no TensorFlow."""
    from fer_convert.micro import micro_pictures
    from fer_convert.verify import describe, require_runtime, verify_bundle
    from fer_edge.inference.trial import load_tried

    if data and not (verify or micro):
        raise ArgumentError("--data goes with --verify or --micro")
    if out and not micro:
        raise ArgumentError("--out goes with --micro")
    if max_drop is not None and not verify:
        raise ArgumentError("--max-drop goes with --verify")

    if runtime_floor:
        require_runtime(file, runtime_floor)
    if verify:
        print(verify_bundle(file, data, max_drop))
    if micro:
        pictures = micro_pictures(load_tried(file), data)
        _for_a_microcontroller(file, pictures, out or file.parent)
    if not (verify or micro):
        print(describe(file))


def _for_a_microcontroller(file: Path, pictures: tuple[UInt8Array, str], out: Path) -> None:
    from fer_convert.c_files import save_c_files
    from fer_convert.micro import check_micro
    from fer_core.files import make_folder
    from fer_edge.inference.trial import load_tried

    bundle = load_tried(file)
    report = check_micro(bundle, *pictures)
    print(report.text())
    for path in save_c_files(bundle, report, make_folder(out)):
        print(path)


@app.command(
    "adopt",
    cls=with_examples(
        "fer-convert adopt theirs.tflite --labels happy,sad,neutral --input gray --scale 0..1"
    ),
)
def adopt_file(
    file: options.AdoptedFile,
    labels: options.Labels,
    colour: options.InputColour = None,
    scale: options.InputScale = None,
    out: options.AdoptedOut = None,
    overwrite: options.OverwriteEarlier = False,
    quiet: Quiet = False,
) -> None:
    """Make a bundle of a .tflite file from elsewhere, after a trial."""
    from fer_convert.adopt import adopt, labels_of
    from fer_core.text import typed

    adopted = adopt(file, labels_of(labels), colour, scale, out, overwrite)
    say = talk(quiet)
    for line in adopted.lines:
        say(f"{file.name} {line}" if line.startswith("takes") else line)
    print(adopted.path)
    say(f"is that so? fer-bench {typed(adopted.path)} --data YOUR-FACES")


def main() -> None:
    """Entry point."""
    run_app(app, "fer-convert")
