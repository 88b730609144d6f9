"""The one place that names the TFLite runtime: LiteRT, else tflite-runtime."""

from __future__ import annotations

from contextlib import nullcontext
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.native import native_output_is_shown, native_stderr
from fer_core.preprocess import INPUT_SCALE, normalize_pixels, quantize_pixels
from fer_core.values import FloatArray, UInt8Array

KERNELS = {
    "xnnpack": "AUTO",
    "builtin": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "reference": "BUILTIN_REF",
}
"""Names of kernel sets and the runtime's own names. Their int8 results differ by a few codes."""


def load_runtime() -> tuple[Any, str]:
    """Return the interpreter module and its name with version; raise FerError if there is none."""
    try:
        from ai_edge_litert import interpreter as litert

        return litert, f"ai-edge-litert {version('ai-edge-litert')}"
    except ImportError as litert_error:
        try:
            from tflite_runtime import interpreter as tflite

            return tflite, f"tflite-runtime {version('tflite-runtime')}"
        except ImportError:
            raise FerError(
                f"no TFLite runtime loads ({litert_error}). Install the extra that fits, where "
                "fer-edge-kit lies: pip install '.[edge]', or [edge-headless] without a screen, "
                "[edge-bookworm] beside Pi OS Bookworm's picamera2, [edge-legacy] on 32-bit Pi OS."
            ) from litert_error


def kernels_taken(runtime: str, wanted: str = "xnnpack") -> str:
    """Return the kernel set that a runtime takes: tflite-runtime has no XNNPACK ones for int8."""
    has_xnnpack = runtime.startswith("ai-edge-litert")
    return wanted if wanted != "xnnpack" or has_xnnpack else "builtin"


def dequantize(codes: npt.NDArray[np.int8], scale: float, zero_point: int) -> FloatArray:
    """Return `(codes - zero_point) * scale` as float32.

    Widens to int32 first: the difference of two int8 does not fit int8.
    """
    return (codes.astype(np.int32) - zero_point).astype(np.float32) * np.float32(scale)


class TfliteModel:
    """A bundle loaded into the runtime, ready to turn face pixels into probabilities."""

    def __init__(self, bundle: ModelBundle, threads: int = 1, kernels: str = "xnnpack") -> None:
        """Load a bundle; raise FerError when its tensors are not what its manifest says."""
        if kernels not in KERNELS:
            raise ValueError(f"kernels must be one of {sorted(KERNELS)}, got {kernels!r}")
        module, self.runtime = load_runtime()
        self.bundle, self.threads = bundle, threads
        self.kernels = kernels_taken(self.runtime, kernels)
        resolver = getattr(module.OpResolverType, KERNELS[kernels])
        try:
            with nullcontext() if native_output_is_shown() else native_stderr():
                self._interpreter = module.Interpreter(
                    model_content=bundle.model,
                    num_threads=threads,
                    experimental_op_resolver_type=resolver,
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise FerError(f"{self.runtime} cannot load {bundle.name}: {error}") from error
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()
        self._check()

    def _check(self) -> None:
        manifest = self.bundle.manifest
        wanted, got = (1, *manifest.input.shape), tuple(self._input["shape"].tolist())
        if wanted != got:
            raise FerError(f"{self.bundle.name} takes {got}, its manifest says {wanted}")
        classes = tuple(self._output["shape"].tolist())
        if classes != (1, len(manifest.labels)):
            raise FerError(
                f"{self.bundle.name} gives {classes}, its manifest has {len(manifest.labels)} "
                "labels"
            )
        scale = tuple(self._input["quantization"])
        if self._input["dtype"] == np.int8 and scale != (INPUT_SCALE, 0):
            raise FerError(
                f"{self.bundle.name} has input scale and zero point {scale}, expected 1/128 and 0"
            )
        if self._input["dtype"] not in (np.int8, np.float32):
            raise FerError(f"{self.bundle.name} takes {self._input['dtype']}, not int8 or float32")

    @property
    def input_quantization(self) -> tuple[float, int]:
        """Scale and zero point of the input; (0, 0) for a float input."""
        scale, zero_point = self._input["quantization"]
        return float(scale), int(zero_point)

    def prepared(self, pixels: UInt8Array) -> npt.NDArray[Any]:
        """Return pixels (h, w, c) uint8 as the model's own input (1, h, w, c)."""
        convert = quantize_pixels if self._input["dtype"] == np.int8 else normalize_pixels
        return convert(pixels)[np.newaxis]

    def invoke(self, prepared: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Run the network once on a prepared input; return its raw output (classes,)."""
        self._interpreter.set_tensor(self._input["index"], prepared)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output["index"])[0])

    def probabilities(self, pixels: UInt8Array) -> FloatArray:
        """Return probabilities (classes,) float32, summing to 1, of one face (h, w, c) uint8."""
        output = self.invoke(self.prepared(pixels))
        if output.dtype == np.int8:
            output = dequantize(output, *self._output["quantization"])
        return np.asarray(output / output.sum(), np.float32)
