"""The operations of a .tflite file, what they cost, and what a file must be for a recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fer_convert.runtimes import LATE, is_newer
from fer_core.errors import FerError

_FLOATS = ("FLOAT16", "FLOAT32", "FLOAT64")
CONVERSIONS = {"QUANTIZE", "DEQUANTIZE"}
"""What stands between integers and floats, and is of no layer."""
_UNCOUNTED = {"WHILE", "CONV_3D", "BATCH_MATMUL", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
"""Operations whose products nobody counts here."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a file.

    Attributes:
        types: Those of its tensors, weights and biases included.
        macs: Its multiply-accumulate operations for one picture.
        layer: The Keras layer that gave it its weights or, without any, its result.
        takes: The indices of the tensors that it reads.
        result: The index of the tensor that it makes.
    """

    kind: str
    version: int
    types: frozenset[str]
    macs: int
    layer: str
    takes: tuple[int, ...]
    result: int

    @property
    def is_integer(self) -> bool:
        """Whether no tensor of it is floating-point and TensorFlow itself is not needed for it."""
        return not self.types.intersection(_FLOATS) and not self.kind.startswith("Flex")


@dataclass(frozen=True, slots=True)
class FileContents:
    """Operations in their order, and what they need.

    Attributes:
        weight_bytes: What is constant.
        activation_bytes: The most that lives at one time, without what a kernel needs for itself.
        min_runtime: The oldest TensorFlow Lite that knows every operation, empty when the file does
            not say.
    """

    operations: tuple[Operation, ...]
    weight_bytes: int
    activation_bytes: int
    min_runtime: str

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations for one picture."""
        return sum(operation.macs for operation in self.operations)

    def require_integer(self, name: str) -> None:
        """Make sure that an int8 file, which messages call `name`, is integer throughout.

        Raises:
            FerError: Some operations, which the message names, are not.
        """
        wrong = [o for o in self.operations if not o.is_integer]
        wrong = [o for o in wrong if o.kind not in CONVERSIONS] or wrong
        if wrong:
            told = ", ".join(f"{o.kind} of {o.layer}" for o in wrong[:5])
            more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            raise FerError(
                f"{name} is not int8 throughout: {told}{more} compute in floating point. Leave "
                "them so (--keep-float LAYER), or take --float16 or --dynamic"
            )

    def require_float(self, layers: Sequence[str]) -> None:
        """Make sure that each of the layers has an operation in floating point.

        Raises:
            FerError: One has none.
        """
        own = [o for o in self.operations if o.kind not in CONVERSIONS]
        kept = {o.layer for o in own if o.types.intersection(_FLOATS)}
        if lost := [layer for layer in layers if layer not in kept]:
            raise FerError(f"{', '.join(lost)} cannot stay in float32: the converter made it int8")

    def require_runtime(self, name: str, floor: str) -> None:
        """Make sure that an older TensorFlow Lite can run the file.

        Args:
            name: What messages call the file.
            floor: The oldest that must, as 2.14.

        Raises:
            FerError: It needs a newer one.
            ArgumentError: The floor is no version.
        """
        if is_newer(self.min_runtime, floor):
            needed = self.min_runtime or "a version that it does not name"
            late = {op: since for op, since in LATE.items() if is_newer(since, floor)}
            known = [o for o in self.operations if (o.kind, o.version) in late]
            if known:
                told = ", ".join(f"{o.kind} v{o.version} of {o.layer}" for o in known)
                told += ". Convert the network with that in float32 (--keep-float LAYER)"
            else:
                told = f"one of {', '.join(dict.fromkeys(map(_title, self.operations)))}. Take"
                told += " another format"
            raise FerError(
                f"{name} needs TensorFlow Lite {needed}, newer than {floor}: {told}, or build with "
                "another layer"
            )

    def text(self) -> str:
        """Return the kinds of operations with counts, versions and types, and what they cost."""
        kinds = Counter((_title(o), "/".join(sorted(o.types))) for o in self.operations)
        told = ", ".join(f"{n} {kind} ({types})" for (kind, types), n in kinds.items())
        without = sorted({o.kind for o in self.operations} & _UNCOUNTED)
        more = f" without those of {', '.join(without)}" if without else ""
        runtime = f"TensorFlow Lite {self.min_runtime} or newer" if self.min_runtime else "unknown"
        weights, activations = self.weight_bytes / 1024, self.activation_bytes / 1024
        return (
            f"{len(self.operations)} operations: {told}\n"
            f"{self.macs / 1e6:.2f} million multiply-accumulates{more}, {weights:.0f} KiB of "
            f"weights, {activations:.0f} KiB of activations; runtime: {runtime}"
        )


def _title(operation: Operation) -> str:
    return f"{operation.kind} v{operation.version}"
