"""A bundle of a .tflite file from elsewhere: what the file does not say is told by hand."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_convert.card import adopted_card
from fer_convert.contents import can_read_files, read_contents
from fer_core import __version__
from fer_core.bundle import ModelBundle, archive_start
from fer_core.errors import ArgumentError, FerError
from fer_core.files import ZIP_ERRORS, make_folder
from fer_core.manifest import ModelManifest
from fer_core.preprocess import COLOURS, InputSpec
from fer_core.text import typed
from fer_edge.deployment.signing.own_key import save_signed
from fer_edge.inference.interpreter import INTEGERS, Tensor
from fer_edge.inference.trial import Trial, note_tried, try_model

RECIPE = "adopted"
SCALES = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
"""What a pixel of 0 and of 255 becomes, by the name that --scale gives it."""
_OTHERWISE = {
    ".onnx": "onnx2tf makes a .tflite of an ONNX file (pip install onnx2tf; onnx2tf -i {file}); "
    "adopt that",
    ".pt": "litert-torch makes a .tflite of a PyTorch module; adopt that",
    ".keras": "fer-convert {file} --int8 converts a Keras file",
    ".h5": "fer-convert {file} --int8 converts a Keras file",
}
_OTHERWISE[".pth"] = _OTHERWISE[".pt"]


@dataclass(frozen=True, slots=True)
class Adopted:
    """The bundle's place, and what was found and assumed, in lines to print."""

    path: Path
    lines: tuple[str, ...]


def adopt(
    file: Path,
    labels: tuple[str, ...],
    colour: str | None,
    scale: str | None,
    out: Path | None,
    overwrite: bool,
) -> Adopted:
    """Write NAME-adopted.tflite of a flatbuffer from elsewhere, after a trial in its own process.

    Args:
        file: The flatbuffer.
        labels: Names in the order of its outputs.
        colour: "gray" or "rgb"; None for what its channels say.
        scale: One of SCALES; None for what the range of an integer input says.
        out: The folder to write into; None for that of the file.
        overwrite: Whether the bundle may take the place of another.

    Raises:
        FerError: No bundle can be made of the file, or one is there already.
        ArgumentError: Labels, colour or scale do not fit the file.
    """
    model = _flatbuffer(file)
    trial = try_model(model, file.name)
    note_tried(model)
    taken, given = _single_tensors(file, trial)
    spec, assumed = _input_spec(file, taken, colour, scale)
    _require_as_many(labels, given, file)
    answers = np.array(trial.answers)
    output, told = _kind_of_output(answers)
    name = re.sub(r"[^\w.-]", "_", file.stem).strip("_.-")[:100] or "model"
    size = f"{spec.width}x{spec.height} {spec.colour}"
    lines = (
        f"takes {size} as {taken.dtype}, gives {told}",
        f"assumed: {assumed}; the classes are {', '.join(labels)}, in this order; the face's box "
        "is cropped without a margin",
    )
    manifest = ModelManifest(
        name, labels, spec, RECIPE, output=output, provenance=_facts(file, model)
    )
    ModelManifest.from_json(manifest.to_json())  # what could not be read again is not written
    bundle = ModelBundle(model, manifest, adopted_card(manifest, lines))
    path, told = _saved(bundle, out or file.parent, overwrite)
    return Adopted(path, (*lines, told) if told else lines)


def _require_as_many(labels: tuple[str, ...], given: Tensor, file: Path) -> None:
    """Raise ArgumentError unless there is a label for each of the values that a network gives."""
    if given.shape[-1] != len(labels):
        raise ArgumentError(
            f"{file.name} gives {given.shape[-1]} values, and --labels names {len(labels)}: "
            f"{', '.join(labels)}"
        )


def _saved(bundle: ModelBundle, folder: Path, overwrite: bool) -> tuple[Path, str]:
    """Write a bundle, signed; return where, and what to tell; raise FerError where another lies."""
    path = make_folder(folder) / f"{bundle.name}.tflite"
    if path.exists() and not overwrite:
        raise FerError(f"{path} is there already: replace it with --overwrite, or choose --out")
    return path, save_signed(bundle, path)


def labels_of(text: str) -> tuple[str, ...]:
    """Return the labels in `a,b,c`, or in a text file of one a line (`0 happy` as well).

    Raises:
        FerError: The file cannot be read.
        ArgumentError: There are fewer than two labels, or two alike.
    """
    file = Path(text)
    if "," not in text and (file.suffix or file.is_file()):
        try:
            rows = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise FerError(f"cannot read the labels in {file}: {error}") from error
        names = [re.sub(r"^\d+[\s:,]+", "", row.strip()) for row in rows if row.strip()]
    else:
        names = [name.strip() for name in text.split(",")]
    if len(names) < 2 or "" in names or len(set(names)) < len(names):
        raise ArgumentError(
            f"--labels needs two or more different names, as happy,sad, got {text!r}"
        )
    return tuple(names)


def _flatbuffer(file: Path) -> bytes:
    """Return a file's network without what is zipped behind it; raise FerError for another kind."""
    if file.suffix.lower() in _OTHERWISE:
        raise FerError(f"{file.name}: {_OTHERWISE[file.suffix.lower()].format(file=typed(file))}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise FerError(f"cannot read {file}: {error.strerror}") from error
    if content[4:8] != b"TFL3":
        raise FerError(f"{file} is no TFLite file: its bytes 4 to 8 are not TFL3")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names, start = archive.namelist(), archive_start(archive)
    except (*ZIP_ERRORS, ValueError, OSError):
        return content
    if "manifest.json" in names:
        raise FerError(f"{file} is a bundle already: fer-edge --model {typed(file)}")
    return content[:start] if names else content


def _single_tensors(file: Path, trial: Trial) -> tuple[Tensor, Tensor]:
    """Return the input and the output; raise FerError where they are no picture and no classes."""
    if not trial.answers:
        kinds = [f"{each.dtype} {each.shape}" for each in (*trial.inputs, *trial.outputs)]
        raise FerError(
            f"{file.name} has {len(trial.inputs)} inputs and {len(trial.outputs)} outputs "
            f"({'; '.join(kinds)}): one of each is wanted, of float32, int8 or uint8"
        )
    taken, given = trial.inputs[0], trial.outputs[0]
    if -1 in taken.signature[1:]:
        raise FerError(
            f"{file.name} takes pictures of any size {taken.signature}: convert it again from a "
            "model with keras.Input((height, width, channels))"
        )
    if len(taken.shape) != 4 or taken.shape[0] != 1 or taken.shape[3] not in COLOURS.values():
        raise FerError(
            f"{file.name} takes {taken.shape}: one picture is wanted, (1, height, width, channels) "
            "with 1 channel or 3"
        )
    if len(given.shape) != 2 or given.shape[0] != 1 or given.shape[1] < 2:
        raise FerError(f"{file.name} gives {given.shape}: (1, classes) is wanted")
    return taken, given


def _input_spec(
    file: Path, taken: Tensor, colour: str | None, scale: str | None
) -> tuple[InputSpec, str]:
    """Return what the input looks like, and the part of it that the file does not say."""
    _, height, width, channels = taken.shape
    fitting = {count: name for name, count in COLOURS.items()}[channels]
    if colour not in (None, fitting):
        raise ArgumentError(f"{file.name} takes {channels} channels: --input {fitting}")
    if scale not in (None, *SCALES):
        raise ArgumentError(f"--scale is one of {', '.join(SCALES)}, got {scale!r}")
    cut = ""
    if taken.dtype in INTEGERS:
        scale, cut = _scale_of_integers(file, taken, scale)
    if scale is None:
        raise ArgumentError(
            f"{file.name} does not say what its pixels become: --scale 0..1 (pixel / 255), "
            "--scale -1..1 (pixel / 127.5 - 1) or --scale 0..255, as it was trained"
        )
    low, high = SCALES[scale]
    told = f"pixels of 0 to 255 become {low:g} to {high:g}{cut}"
    return InputSpec(height, width, fitting, values=(low, high)), told


def _scale_of_integers(file: Path, taken: Tensor, scale: str | None) -> tuple[str | None, str]:
    """Return the scale of an integer input, None if it does not tell, and what it cuts off."""
    # Its tensor holds about the range of one scale; dull calibration pictures have narrowed it.
    (step, zero_point), limits = taken.quantization, np.iinfo(taken.dtype)
    low, high = (limits.min - zero_point) * step, (limits.max - zero_point) * step
    shares = {name: _shared(values, (low, high)) for name, values in SCALES.items()}
    own = [name for name, share in shares.items() if share > 0.65]
    if scale is None:
        return (own[0] if len(own) == 1 else None), ""
    if shares[scale] < 0.4 or (own and scale not in own):
        instead = f": --scale {own[0]}" if own else ""
        raise ArgumentError(
            f"{file.name} holds {low:.4g} to {high:.4g} in its {taken.dtype} input, so --scale "
            f"{scale} is not what it was made for{instead}"
        )
    lost = SCALES[scale][0] < low - step or SCALES[scale][1] > high + step
    return scale, f", of which it holds {low:.3g} to {high:.3g}" if lost else ""


def _shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return what two ranges share, as a share of all that either holds, 0 to 1."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(shared, 0.0) / (max(one[1], other[1]) - min(one[0], other[0]))


def _kind_of_output(answers: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[str, str]:
    """Return what kind of values (looks, classes) a network gives, for the manifest and in words.

    Quantized to 8 bits, probabilities miss a sum of 1 by half a step a class.
    """
    classes = answers.shape[1]
    if answers.min() < -0.01 or answers.max() > 1.01:
        return "logits", f"{classes} logits, of which a softmax makes probabilities"
    if np.abs(answers.sum(axis=1) - 1).max() > 0.01 + classes / 512:
        return "probabilities", f"{classes} scores of 0 to 1, divided by their sum"
    return "probabilities", f"{classes} probabilities"


def _facts(file: Path, model: bytes) -> dict[str, object]:
    facts: dict[str, object] = {"data": "not known", "fer_edge_kit": __version__}
    facts["adopted_from"] = file.name
    if can_read_files():
        contents = read_contents(model)
        facts |= {
            "macs": contents.macs,
            "activation_bytes": contents.activation_bytes,
            "min_runtime": contents.min_runtime,
        }
    return facts
