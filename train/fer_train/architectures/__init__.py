"""The networks by name. Each builder takes the input shape and the number of classes.

Every network takes `(pixel - 128) / 128` as (batch, height, width, channels) float32 and gives
probabilities (batch, classes); its last dense layer is called `logits`.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from fer_core.errors import ArgumentError
from fer_train.architectures.mini_xception import build_mini_xception
from fer_train.architectures.residual import build_fer_nano, build_fer_small

ARCHITECTURES: dict[str, Callable[[tuple[int, int, int], int], keras.Model]] = {
    "fer-nano": build_fer_nano,
    "fer-small": build_fer_small,
    "mini-xception": build_mini_xception,
}


def build_model(name: str, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return a fresh network; raise ArgumentError for an unknown name."""
    if name not in ARCHITECTURES:
        raise ArgumentError(
            f"no architecture {name!r}; there are {', '.join(sorted(ARCHITECTURES))}"
        )
    return ARCHITECTURES[name](input_shape, classes)
