"""Where quantization loses: every layer of the int8 file against the same layer in float32."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fer_convert.contents import read_contents
from fer_convert.operations import CONVERSIONS, Operation
from fer_core.errors import FerError
from fer_core.preprocess import normalize_pixels, quantize_pixels
from fer_core.values import FloatArray, UInt8Array
from fer_edge.inference.interpreter import dequantize, load_runtime
from fer_train.figures import save_figure

LEAST_DB = -100.0
"""What a layer of zeros is taken to have, whose every noise is infinitely more."""


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """What one layer's result lost, over all its values on all pictures.

    The loss of the layers before is in it.

    Attributes:
        sqnr_db: The signal-to-quantization-noise ratio in decibels.
        largest_error: The largest difference, in units of the layer's own root mean square.
        saturated: The share of values (0 to 1) that lie beyond the range which int8 has for them.
        taken_db: The ratio in the noisiest of what the layer takes, infinite in pictures.
    """

    kind: str
    layer: str
    sqnr_db: float
    largest_error: float
    saturated: float
    taken_db: float = math.inf

    @property
    def added_noise(self) -> float:
        """The noise, as a share of the signal's power, that was not in what the layer takes."""
        return _noise(self.sqnr_db) - _noise(self.taken_db)


def measure_layers(float32: bytes, int8: bytes, pixels: UInt8Array) -> list[LayerLoss]:
    """Return the loss of every layer, in order.

    Args:
        float32: A flatbuffer.
        int8: Another of the same network.
        pixels: Pictures (n, h, w, c) uint8.

    Raises:
        FerError: Their layers differ.
    """
    pairs = _paired(read_contents(float32).operations, read_contents(int8).operations)
    parent, child = _Opened(float32), _Opened(int8)
    sums = [_Sums() for _ in pairs]
    for picture in pixels:
        parent.run(normalize_pixels(picture))
        child.run(quantize_pixels(picture))
        for (one, other), total in zip(pairs, sums, strict=True):
            total.add(parent.values(one.result), *child.codes(other.result))
    ratios = {one.result: total.sqnr_db for (one, _), total in zip(pairs, sums, strict=True)}
    return [
        LayerLoss(
            one.kind,
            one.layer,
            total.sqnr_db,
            total.largest_error,
            total.saturated,
            min((ratios.get(tensor, math.inf) for tensor in one.takes), default=math.inf),
        )
        for (one, _), total in zip(pairs, sums, strict=True)
    ]


def layers_table(losses: Sequence[LayerLoss]) -> str:
    """Return a line a layer, the two that add most noise to what they take marked."""
    added = [loss.added_noise for loss in losses]
    worst = {int(index) for index in np.argsort(added)[-2:] if added[index] > 0}
    lines = [f"{'layer':<28}{'operation':<20}{'SQNR dB':>8}{'largest error':>15}{'saturated':>11}"]
    lines += [
        f"{loss.layer:<28}{loss.kind:<20}{loss.sqnr_db:8.1f}{loss.largest_error:15.2f}"
        f"{loss.saturated:11.3%}{'  <' if index in worst else ''}"
        for index, loss in enumerate(losses)
    ]
    return "\n".join(lines)


def save_layers(path: Path, losses: Sequence[LayerLoss], title: str) -> None:
    """Draw the signal-to-noise ratio of every layer as a picture."""
    figure = Figure(figsize=(8, 1.5 + 0.25 * len(losses)), layout="constrained")
    axes = figure.subplots()
    names = [f"{loss.layer} ({loss.kind.lower()})" for loss in losses]
    known = [loss.sqnr_db for loss in losses if math.isfinite(loss.sqnr_db)] or [0.0]
    bars = np.clip([loss.sqnr_db for loss in losses], min(known), max(known))  # some lose nothing
    axes.barh(range(len(losses)), bars, color="#4477aa")
    axes.set_yticks(range(len(losses)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("signal to quantization noise, dB (more is better)")
    axes.set_title(title)
    save_figure(path, figure)


def _noise(sqnr_db: float) -> float:
    return float(10 ** (-max(sqnr_db, LEAST_DB) / 10))


def _paired(
    parents: Sequence[Operation], children: Sequence[Operation]
) -> list[tuple[Operation, Operation]]:
    own = [operation for operation in children if operation.kind not in CONVERSIONS]
    if [o.kind for o in parents] != [o.kind for o in own]:
        raise FerError(
            f"the int8 file has other operations than the float32 one ({len(own)} and "
            f"{len(parents)}), so they cannot be compared layer by layer"
        )
    return list(zip(parents, own, strict=True))


class _Opened:
    """A flatbuffer whose every tensor can be read after a run."""

    def __init__(self, flatbuffer: bytes) -> None:
        module = load_runtime()
        self._interpreter = module.Interpreter(
            model_content=flatbuffer,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        self._details = {d["index"]: d for d in self._interpreter.get_tensor_details()}

    def run(self, prepared: np.ndarray[Any, Any]) -> None:
        self._interpreter.set_tensor(self._input["index"], prepared[np.newaxis])
        self._interpreter.invoke()

    def values(self, tensor: int) -> FloatArray:
        return np.asarray(self._interpreter.get_tensor(tensor), np.float32)

    def codes(self, tensor: int) -> tuple[FloatArray, tuple[float, float]]:
        """Return dequantized values, and the least and greatest that the tensor can hold."""
        scale, zero_point = self._details[tensor]["quantization"]
        codes = self._interpreter.get_tensor(tensor)
        if codes.dtype != np.int8:
            return np.asarray(codes, np.float32), (-math.inf, math.inf)
        low, high = dequantize(np.array([-128, 127], np.int8), scale, zero_point)
        return dequantize(codes, scale, zero_point), (low - scale / 2, high + scale / 2)


@dataclass(slots=True)
class _Sums:
    signal: float = 0.0
    noise: float = 0.0
    largest: float = 0.0
    beyond: int = 0
    count: int = 0

    def add(self, wanted: FloatArray, got: FloatArray, limits: tuple[float, float]) -> None:
        error = np.abs(got - wanted)
        self.signal += float(np.square(wanted, dtype=np.float64).sum())
        self.noise += float(np.square(error, dtype=np.float64).sum())
        self.largest = max(self.largest, float(error.max()))
        self.beyond += int(((wanted < limits[0]) | (wanted > limits[1])).sum())
        self.count += wanted.size

    @property
    def sqnr_db(self) -> float:
        if not self.noise or not self.signal:
            return math.inf if not self.noise else -math.inf
        return 10 * math.log10(self.signal / self.noise)

    @property
    def largest_error(self) -> float:
        mean_square = self.signal / self.count
        return self.largest / math.sqrt(mean_square) if mean_square else math.inf

    @property
    def saturated(self) -> float:
        return self.beyond / self.count
