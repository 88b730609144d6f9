"""What a training computes on: backend, processor or GPU, and the precision that suits it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fer_core.cores import processor_says, usable_cores

if TYPE_CHECKING:
    from fer_train.config import TrainConfig

BACKEND = "KERAS_BACKEND"
_JAX_ON_GPU = ("jax_cuda12_plugin", "jax_cuda13_plugin")
"""What `jax[cuda12]` and `jax[cuda13]` install."""
_BFLOAT16_FROM = 8.0
"""The compute capability from which NVIDIA's GPUs multiply bfloat16 (Ampere, 2020)."""
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""What Linux calls the instructions by which TensorFlow (oneDNN) multiplies bfloat16."""


def choose_backend() -> None:
    """Let Keras use JAX where JAX reaches an NVIDIA GPU, unless $KERAS_BACKEND says otherwise.

    It must be called before Keras is imported. The TensorFlow of `[train]` reaches no GPU.
    """
    if BACKEND not in os.environ and has_jax_for_gpu() and shutil.which("nvidia-smi"):
        os.environ[BACKEND] = "jax"


def threads_of_this_process() -> int:
    """Return how many threads to use: $OMP_NUM_THREADS, which says the share of a job, or all."""
    share = os.environ.get("OMP_NUM_THREADS", "")
    return int(share) if share.isdigit() and int(share) else usable_cores()


def has_jax_for_gpu() -> bool:
    """Return whether the JAX that is installed can use NVIDIA's GPUs."""
    return any(find_spec(each) for each in _JAX_ON_GPU)


@dataclass(frozen=True, slots=True)
class Device:
    """What Keras computes on.

    Attributes:
        backend: "tensorflow", "jax" or "torch".
        gpu: What the GPU is called, "" for the processor.
        bfloat16: Whether it multiplies bfloat16. Others are many times slower with it.
        count: How many such devices share a training.
    """

    backend: str
    gpu: str = ""
    bfloat16: bool = False
    count: int = 1

    def text(self) -> str:
        """Return it in words."""
        each = self.gpu or "CPU"
        return f"{f'{self.count} x {each}' if self.count > 1 else each} with {self.backend}"

    def computing(self, precision: str) -> str:
        """Return in words what computes, and how; with a warning where that is slow."""
        said = f"on {self.text()}, {precision}"
        if precision == "bfloat16" and not self.bfloat16:
            said += ' (may be slow on this device: precision = "auto" in the settings avoids that)'
        return said

    def fitting(self, config: TrainConfig) -> TrainConfig:
        """Return settings whose precision is not "auto" any more.

        bfloat16 where the device multiplies it, float32 elsewhere and for training with rounding.
        """
        if config.precision != "auto":
            return config
        half = self.bfloat16 and not config.qat
        return replace(config, precision="bfloat16" if half else "float32")


def this_device() -> Device:
    """Return what Keras computes on in this process."""
    import keras

    backend = str(keras.backend.backend())
    name, capability = _FIRST_GPU[backend]() if backend in _FIRST_GPU else ("", 0.0)
    if name:
        return Device(backend, name, capability >= _BFLOAT16_FROM)
    return Device(backend, bfloat16=backend == "tensorflow" and _processor_has_bfloat16())


def _processor_has_bfloat16() -> bool:
    """Return whether Linux says that the processor multiplies bfloat16."""
    return not _BFLOAT16_FLAGS.isdisjoint(processor_says("flags").split())


def _of_tensorflow() -> tuple[str, float]:
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        return "", 0.0
    details = tensorflow.config.experimental.get_device_details(gpus[0])
    return str(details.get("device_name", "GPU")), _number(details.get("compute_capability"))


def _of_jax() -> tuple[str, float]:
    import jax

    first = jax.devices()[0]
    if first.platform == "cpu":
        return "", 0.0
    return str(first.device_kind), _number(getattr(first, "compute_capability", None))


def _of_torch() -> tuple[str, float]:
    import torch

    if not torch.cuda.is_available():
        return "", 0.0
    return str(torch.cuda.get_device_name()), _number(torch.cuda.get_device_capability())


def _number(capability: Any) -> float:
    """Return a compute capability given as (9, 0) or "9.0", 0 for None."""
    if isinstance(capability, tuple | list):
        capability = ".".join(map(str, capability))
    return float(capability or 0)


_FIRST_GPU = {"tensorflow": _of_tensorflow, "jax": _of_jax, "torch": _of_torch}
