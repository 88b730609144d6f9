"""Model files that Keras 3 loads wrongly or not at all, mended before or after it does."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from fer_train.network.graph import all_layers

_HALF = {"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"}


@contextmanager
def with_input_layers(file: Path) -> Iterator[Path]:
    """Yield an HDF5 model file that Keras 3 loads, for one of Keras 2.

    Keras 2.0 to 2.2 wrote the shape of the pictures into the first layer of a sequential model,
    whose settings were a bare list at first, and no input layer.
    """
    import h5py

    with h5py.File(file) as held:
        text = held.attrs.get("model_config")
    config = json.loads(text) if text is not None else None
    if config is None or not _mended(config):
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        shutil.copyfile(file, copy)
        with h5py.File(copy, "r+") as held:
            held.attrs["model_config"] = json.dumps(config)
        yield copy


def _mended(model: dict[str, Any]) -> bool:
    """Put input layers into a model's settings and those within; return whether any was missing."""
    config = model.get("config")
    if model.get("class_name") == "Sequential" and isinstance(config, list):
        config = model["config"] = {"name": "sequential", "layers": config}
    layers = config.get("layers", []) if isinstance(config, dict) else []
    within = [_mended(layer) for layer in layers if isinstance(layer, dict)]
    changed = True in within
    if model.get("class_name") != "Sequential" or not layers:
        return changed
    first = layers[0]
    if first["class_name"] == "InputLayer" or "batch_input_shape" not in first.get("config", {}):
        return changed
    shape = first["config"].pop("batch_input_shape")
    name = f"{first['config'].get('name', 'layer')}_input"
    layers.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": name}})
    return True


def in_float32(model: keras.Model, custom_objects: dict[str, Any]) -> keras.Model:
    """Return a model that computes in float32, with the same weights.

    Notebooks train with mixed precision; its casts have no form in a TFLite file.
    """
    if all(layer.compute_dtype == "float32" for layer in all_layers(model)):
        return model
    settings = _widened(keras.saving.serialize_keras_object(model))
    wide = keras.saving.deserialize_keras_object(settings, custom_objects, safe_mode=True)
    wide.set_weights(model.get_weights())
    return wide


def _widened(settings: Any) -> Any:
    """Return settings in which every precision is float32."""
    if isinstance(settings, dict):
        return {key: _widened(value) for key, value in settings.items()}
    if isinstance(settings, list | tuple):
        return [_widened(value) for value in settings]
    return "float32" if isinstance(settings, str) and settings in _HALF else settings
