"""The networks by name. Each builder takes the input shape and the number of classes.

Every network takes `(pixel - 128) / 128` as (batch, height, width, channels) float32 and gives
probabilities (batch, classes); the layer before its softmax is called `logits`.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from fer_core.errors import ArgumentError
from fer_train.architectures.classics import build_resnet_20, build_vgg_11
from fer_train.architectures.mini_xception import build_mini_xception
from fer_train.architectures.residual import build_fer_base, build_fer_nano, build_fer_small
from fer_train.architectures.starting_points import (
    build_a_regularised,
    build_b_plain,
    build_c_blocks,
    build_d_wide,
    build_e_dense,
)

ARCHITECTURES: dict[str, Callable[[tuple[int, int, int], int], keras.Model]] = {
    "fer-nano": build_fer_nano,
    "fer-small": build_fer_small,
    "fer-base": build_fer_base,
    "mini-xception": build_mini_xception,
    "resnet-20": build_resnet_20,
    "vgg-11": build_vgg_11,
    "a-regularised": build_a_regularised,
    "b-plain": build_b_plain,
    "c-blocks": build_c_blocks,
    "d-wide": build_d_wide,
    "e-dense": build_e_dense,
}


def build_model(name: str, input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return a fresh network.

    Args:
        name: One of ARCHITECTURES.
        input_shape: Height, width and channels of a picture.
        classes: How many probabilities it gives.

    Raises:
        ArgumentError: There is no such architecture, or the pictures are too small for it.
    """
    if name not in ARCHITECTURES:
        raise ArgumentError(
            f"no architecture {name!r}; there are {', '.join(sorted(ARCHITECTURES))}"
        )
    try:
        return ARCHITECTURES[name](input_shape, classes)
    except ValueError as error:
        height, width, _ = input_shape
        raise ArgumentError(
            f"{name} cannot be built for pictures of {width}x{height}: {str(error).splitlines()[0]}"
        ) from error
