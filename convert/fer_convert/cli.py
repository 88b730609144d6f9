"""The command fer-convert."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_convert.runtimes import require_version
from fer_core.command import DefaultCommand, Quiet, Version, command_line, make_app, run_app, talk
from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.values import UInt8Array

if TYPE_CHECKING:
    from fer_convert.job import ConversionRequest
    from fer_convert.recipes import QuantizationRecipe

app = make_app()


@app.command(
    cls=DefaultCommand,
    epilog="Examples:  fer-convert --int8   |   fer-convert runs/nano --all --out models   |   "
    "fer-convert model.keras --int8 --data fer2013.csv --max-drop 0.3   |   "
    "fer-convert FILE.tflite   |   fer-convert --verify FILE.tflite --data fer2013.csv   |   "
    "fer-convert FILE.tflite --micro",
)
def run(
    run_or_model: Annotated[
        Path | None,
        typer.Argument(help="A run, a Keras file, a SavedModel or a .tflite; else the newest run."),
    ] = None,
    float32: Annotated[bool, typer.Option("--float32", help="As trained.")] = False,
    float16: Annotated[bool, typer.Option("--float16", help="Half-precision weights.")] = False,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="Int8 weights only.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Full-integer, the default.")] = False,
    int16x8: Annotated[bool, typer.Option("--int16x8", help="Int16 activations.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All of these.")] = False,
    keep_float: Annotated[
        list[str] | None,
        typer.Option(help="A layer to leave in float32, as --explain names it; may be repeated."),
    ] = None,
    runtime_floor: Annotated[
        str, typer.Option(help="The oldest TensorFlow Lite that must load it, as 2.14.")
    ] = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what int8 loses in which layer, and draw it.")
    ] = False,
    micro: Annotated[
        bool, typer.Option("--micro", help="The int8 bundle as a C array for a microcontroller.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Repeat a bundle's parity, without TensorFlow.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="The data it was trained on; else as the run says.")
    ] = None,
    calibration_samples: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="Training pictures, 512 if there are as many."),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(help="Points of accuracy that may be lost: 0.5, with --verify as then."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A folder; else beside the model.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace bundles that differ.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Chooses the calibration pictures, 1 if not given.")
    ] = None,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Convert a Keras model to a .tflite bundle and prove what that changed."""
    formats = [float32, float16, dynamic, int16x8, every]
    if runtime_floor:
        require_version(runtime_floor)
    if run_or_model and run_or_model.suffix == ".tflite":
        if any(
            (*formats, int8, explain, keep_float, calibration_samples, overwrite, seed is not None)
        ):
            raise ArgumentError(f"{run_or_model} is made already: give the run or model it is of")
        _look_at(run_or_model, data, out, max_drop, runtime_floor, verify, micro)
        return
    _require_sense(formats, int8 or every, keep_float, explain, micro, verify)
    _start_tensorflow()
    from fer_convert.job import ConversionRequest
    from fer_convert.recipes import chosen_recipes

    wanted = {
        "float32": float32,
        "float16": float16,
        "dynamic": dynamic,
        "int8": int8 or micro or not any(formats),
        "int16x8": int16x8,
    }
    recipes = chosen_recipes([n for n, asked in wanted.items() if asked or every], keep_float)
    request = ConversionRequest(
        target=run_or_model,
        recipes=recipes,
        data=data,
        out=out,
        calibration_samples=calibration_samples,
        max_drop_points=max_drop,
        overwrite=overwrite,
        seed=1 if seed is None else seed,
        explain=explain,
        runtime_floor=runtime_floor,
        command=command_line("fer-convert", without="--out"),
    )
    _convert(request, micro, quiet)


def _start_tensorflow() -> None:
    """Start Keras on TensorFlow, whichever backend the network was trained with."""
    from fer_train.backend import need, start_quietly

    need("tensorflow", "scipy")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    start_quietly()


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
        raise FerError("\n".join(map(str, faults))) from faults[0]


def _require_sense(
    formats: list[bool],
    int8: bool,
    keep_float: list[str] | None,
    explain: bool,
    micro: bool,
    verify: bool,
) -> None:
    """Raise ArgumentError for options that do not go together."""
    if verify:
        raise ArgumentError("--verify takes a bundle: fer-convert --verify FILE.tflite")
    if explain and (keep_float or (any(formats) and not int8)):
        raise ArgumentError("--explain says what int8 loses: add --int8, leave --keep-float out")
    if keep_float and (micro or any(formats)):
        raise ArgumentError("--keep-float makes one bundle: leave --micro and other formats out")


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
    from fer_convert.micro import check_micro, save_c_files
    from fer_core.files import make_folder
    from fer_edge.inference.trial import load_tried

    bundle = load_tried(file)
    report = check_micro(bundle, *pictures)
    print(report.text())
    for path in save_c_files(bundle, report, make_folder(out)):
        print(path)


@app.command("adopt")
def adopt_file(
    file: Annotated[Path, typer.Argument(help="A .tflite file that fer-convert did not make.")],
    labels: Annotated[
        str, typer.Option(help="happy,sad,... in the order of its outputs, or a text file of them.")
    ],
    colour: Annotated[
        str | None, typer.Option("--input", help="gray or rgb; else by its channels.")
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help="What pixels become: 0..1, -1..1 or 0..255; else by an integer input."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A folder; else beside the file.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier bundle.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Make a bundle of a .tflite file from elsewhere, after a trial."""
    from fer_convert.adopt import adopt, labels_of

    adopted = adopt(file, labels_of(labels), colour, scale, out, overwrite)
    say = talk(quiet)
    for line in adopted.lines:
        say(f"{file.name} {line}" if line.startswith("takes") else line)
    print(adopted.path)
    say(f"is that so? fer-bench {adopted.path} --data YOUR-FACES")


def main() -> None:
    """Entry point."""
    run_app(app, "fer-convert")
