"""The one place that names the TFLite runtime: LiteRT, else tflite-runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.native import quiet_native_code
from fer_core.preprocess import (
    INPUT_RANGE,
    INPUT_SCALE,
    code_of_each_gray,
    normalize_pixels,
    quantize_pixels,
)
from fer_core.values import FloatArray, UInt8Array

KERNELS = {
    "xnnpack": "AUTO",
    "builtin": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "reference": "BUILTIN_REF",
}
"""Names of kernel sets and the runtime's own names. Their int8 results differ by a few codes."""

INTEGERS = ("int8", "uint8")


def load_runtime() -> Any:
    """Return the interpreter module of the runtime.

    Raises:
        FerError: No runtime is installed.
    """
    try:
        from ai_edge_litert import interpreter as litert

        return litert
    except ImportError as litert_error:
        try:
            from tflite_runtime import interpreter as tflite

            return tflite
        except ImportError:
            raise FerError(
                f"no TFLite runtime loads ({litert_error}). Install the extra that fits, in "
                "the folder of fer-edge-kit: pip install '.[edge]'. Without a screen it is "
                "[edge-headless], with Pi OS Bookworm's picamera2 [edge-bookworm], on 32-bit Pi OS "
                "Bookworm [edge-legacy], which needs Python 3.11. For 32-bit Trixie there is none.",
                see="runtime-missing",
            ) from litert_error


def runtime_name() -> str:
    """Return name and version of the runtime.

    Raises:
        FerError: No runtime is installed.
    """
    from importlib.metadata import version

    is_litert = load_runtime().__name__.startswith("ai_edge_litert")
    package = "ai-edge-litert" if is_litert else "tflite-runtime"
    return f"{package} {version(package)}"


def kernels_taken(runtime: str, wanted: str = "xnnpack") -> str:
    """Return the kernel set that a runtime takes: tflite-runtime has no XNNPACK ones for int8."""
    has_xnnpack = runtime.startswith("ai-edge-litert")
    return wanted if wanted != "xnnpack" or has_xnnpack else "builtin"


def dequantize(codes: npt.NDArray[np.integer[Any]], scale: float, zero_point: int) -> FloatArray:
    """Return `(codes - zero_point) * scale` as float32.

    Widens to int32 first: the difference of two int8 does not fit int8.
    """
    return (codes.astype(np.int32) - zero_point).astype(np.float32) * np.float32(scale)


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a network.

    Attributes:
        quantization: Scale and zero point, (0, 0) for floats, (1, 0) for integers without any.
        signature: The shape, with -1 for a side of any length.
    """

    index: int
    shape: tuple[int, ...]
    dtype: str
    quantization: tuple[float, int]
    signature: tuple[int, ...]

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Tensor:
        """Return what the runtime says of a tensor."""
        scale, zero_point = details["quantization"]
        shape = tuple(int(side) for side in details["shape"])
        signature = tuple(int(side) for side in details.get("shape_signature", shape))
        dtype = np.dtype(details["dtype"]).name
        if dtype in INTEGERS and not scale:
            scale = 1.0
        quantization = float(scale), int(zero_point)
        return cls(int(details["index"]), shape, dtype, quantization, signature)

    def real(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what the values of this tensor mean: those of integers dequantized."""
        is_integer = self.dtype in INTEGERS
        return dequantize(values, *self.quantization) if is_integer else values


class Interpreter:
    """A flatbuffer in the runtime, and the tensors that it takes and gives."""

    def __init__(self, model: bytes, name: str, threads: int = 1, kernels: str = "xnnpack") -> None:
        """Load a flatbuffer.

        Args:
            model: The flatbuffer.
            name: What it is called in messages.
            threads: How many threads it takes.
            kernels: One of KERNELS.

        Raises:
            FerError: The runtime cannot load it.
            ValueError: There are no such kernels.
        """
        if kernels not in KERNELS:
            raise ValueError(f"kernels must be one of {sorted(KERNELS)}, got {kernels!r}")
        module = load_runtime()
        resolver = getattr(module.OpResolverType, KERNELS[kernels])
        try:
            with quiet_native_code():
                self._interpreter = module.Interpreter(
                    model_content=model,
                    num_threads=threads,
                    experimental_op_resolver_type=resolver,
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise FerError(f"{runtime_name()} cannot load {name}: {error}") from error
        self.inputs = [Tensor.of(each) for each in self._interpreter.get_input_details()]
        self.outputs = [Tensor.of(each) for each in self._interpreter.get_output_details()]

    def invoke(self, tensor: Tensor, values: npt.NDArray[Any], output: Tensor) -> npt.NDArray[Any]:
        """Run the network once on the values of an input; return those of an output."""
        self._interpreter.set_tensor(tensor.index, values)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(output.index))


class TfliteModel:
    """A bundle loaded into the runtime, ready to turn face pixels into probabilities."""

    def __init__(self, bundle: ModelBundle, threads: int = 1, kernels: str = "xnnpack") -> None:
        """Load a bundle.

        Args:
            bundle: The bundle.
            threads: How many threads the network takes.
            kernels: One of KERNELS.

        Raises:
            FerError: The runtime cannot load it, or its tensors are not what its manifest says.
            ValueError: There are no such kernels.
        """
        self.bundle, self.threads = bundle, threads
        self._interpreter = Interpreter(bundle.model, bundle.name, threads, kernels)
        self._wanted_kernels = kernels
        self._input, self._output = self._single_tensors()
        kind = (self._input.dtype, self._input.quantization)
        self._is_usual = bundle.manifest.input.values == INPUT_RANGE and (
            kind == ("int8", (INPUT_SCALE, 0)) or kind[0] == "float32"
        )
        self._codes = code_of_each_gray(
            bundle.manifest.input.values, self._input.dtype, self._input.quantization
        )

    def _single_tensors(self) -> tuple[Tensor, Tensor]:
        """Return the input and the output; raise FerError where they do not fit the manifest."""
        manifest, name = self.bundle.manifest, self.bundle.name
        inputs, outputs = self._interpreter.inputs, self._interpreter.outputs
        if (len(inputs), len(outputs)) != (1, 1):
            raise FerError(
                f"{name} has {len(inputs)} inputs and {len(outputs)} outputs, one of each is wanted"
            )
        (taken,), (given) = inputs, outputs[0]
        if taken.shape != (1, *manifest.input.shape):
            wanted = (1, *manifest.input.shape)
            raise FerError(f"{name} takes {taken.shape}, its manifest says {wanted}")
        if given.shape != (1, len(manifest.labels)):
            raise FerError(
                f"{name} gives {given.shape}, its manifest has {len(manifest.labels)} labels"
            )
        for tensor in (taken, given):
            if tensor.dtype not in (*INTEGERS, "float32"):
                raise FerError(f"{name} has {tensor.dtype} tensors, not int8, uint8 or float32")
            if tensor.dtype in INTEGERS and not tensor.quantization[0] > 0:
                raise FerError(f"{name} has an {tensor.dtype} tensor of a scale below 0")
        return taken, given

    @property
    def runtime(self) -> str:
        """The runtime's name and version."""
        return runtime_name()

    @property
    def kernels(self) -> str:
        """The kernel set that the runtime takes."""
        return kernels_taken(self.runtime, self._wanted_kernels)

    @property
    def input_quantization(self) -> tuple[float, int]:
        """Scale and zero point of the input; (0, 0) for a float input."""
        return self._input.quantization

    def prepared(self, pixels: UInt8Array) -> npt.NDArray[Any]:
        """Return pixels (h, w, c) uint8 as the model's own input (1, h, w, c)."""
        if not self._is_usual:
            return self._codes[pixels][np.newaxis]
        convert = quantize_pixels if self._input.dtype == "int8" else normalize_pixels
        return convert(pixels)[np.newaxis]

    def invoke(self, prepared: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Run the network once on a prepared input; return its raw output (classes,)."""
        return np.asarray(self._interpreter.invoke(self._input, prepared, self._output)[0])

    def answer(self, pixels: UInt8Array) -> FloatArray:
        """Return what the network gives for one face (h, w, c) uint8, dequantized: (classes,)."""
        return np.asarray(self._output.real(self.invoke(self.prepared(pixels))), np.float32)

    def probabilities(self, pixels: UInt8Array) -> FloatArray:
        """Return probabilities (classes,) float32, summing to 1, of one face (h, w, c) uint8."""
        output = self.answer(pixels)
        if self.bundle.manifest.output == "logits":
            output = np.exp(output - output.max())
        total = output.sum()
        if not total > 0:  # a foreign network that is sure of nothing
            return np.full(len(output), 1 / len(output), np.float32)
        return np.asarray(output / total, np.float32)
