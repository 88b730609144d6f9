"""A Keras file as Keras loads it, with the layers of Keras 2 and of our own known to it."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras

import fer_train.network.quantize_aware  # noqa: F401  # Keras has to know its layers
from fer_train.foreign import with_input_layers


class _OfKeras2:
    """Makes a layer from settings that Keras 2 wrote into an .h5 file and Keras 3 does not know."""

    layer: type[keras.layers.Layer]
    gone = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> keras.layers.Layer:
        """Return the layer; settings for a kernel that it does not have, and one group, fall away.

        Raises ValueError for more groups, which Keras 3 does not have here.
        """
        if config.get("groups", 1) != 1:
            raise ValueError(f"{config['name']} has {config['groups']} groups")
        kept = {name: value for name, value in config.items() if name not in cls.gone}
        return cls.layer.from_config(kept)


class _SeparableConv2D(_OfKeras2):
    layer = keras.layers.SeparableConv2D


class _DepthwiseConv2D(_OfKeras2):
    layer = keras.layers.DepthwiseConv2D


OF_KERAS_2 = {"SeparableConv2D": _SeparableConv2D, "DepthwiseConv2D": _DepthwiseConv2D}


def as_keras_loads_it(file: Path) -> keras.Model:
    """Return the model of a .keras or .h5 file as Keras loads it."""
    older = nullcontext(file) if file.suffix == ".keras" else with_input_layers(file)
    with warnings.catch_warnings(), older as readable:
        warnings.simplefilter("ignore", UserWarning)  # of how Keras 2 wrote input shapes
        return keras.models.load_model(
            readable, custom_objects=OF_KERAS_2, compile=False, safe_mode=True
        )
