"""Train a tiny network on several devices, for tests; Keras's backend is JAX.

    python tests/shared_training.py FOLDER DEVICES EPOCHS [FOLDER DEVICES EPOCHS ...]

Each is a run up to so many epochs, with its checkpoint in FOLDER; one that has begun goes on. Says
on how many devices the weights were.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import keras

from drawn_faces import drawn_dataset
from fer_train import loop
from fer_train.backend import make_deterministic
from fer_train.config import TrainConfig
from fer_train.devices import chosen_devices, prepare_devices
from fer_train.loop import TrainingSet
from fer_train.network.training_copy import training_copy
from fer_train.run_folder import CHECKPOINT

CONFIG = TrainConfig(
    batch_size=28, learning_rate=0.02, schedule="constant", class_weights=True, mixup=0.2,
    erasing=0.3, ema_decay=0.9,
)  # fmt: skip


def tiny_network() -> keras.Model:
    make_deterministic(1)
    layers = keras.layers
    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(4, 5, 4, use_bias=False)(pixels)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    x = layers.Dense(7, name="logits")(x)
    return keras.Model(pixels, layers.Softmax()(x))


def run(folder: Path, asked: str, epochs: int) -> None:
    folder.mkdir(exist_ok=True)
    data = drawn_dataset((12, 3, 1))
    sets = TrainingSet(data.part("train"), data.part("validation"))
    devices, copies = chosen_devices(asked, print), []

    def kept(model: keras.Model, precision: str) -> keras.Model:
        copies.append(training_copy(model, precision))
        return copies[-1]

    with devices.folder(folder) as own, mock.patch.object(loop, "training_copy", kept):
        resume = (own / CHECKPOINT).exists()
        config = replace(CONFIG, epochs=epochs)
        loop.train(tiny_network(), sets, config, own / CHECKPOINT, resume, devices=devices)
    used = {len(weight.value.sharding.device_set) for weight in copies[-1].weights}
    print(f"{folder.name}: weights on {used} devices")


def main(words: list[str]) -> None:
    """Run them; several processes reach each other at 127.0.0.1 alone."""
    from jax._src.lib import _jax

    _jax.make_gloo_tcp_collectives = partial(_jax.make_gloo_tcp_collectives, hostname="127.0.0.1")
    prepare_devices(words[1], folds=0, say=print)
    for folder, asked, epochs in zip(words[::3], words[1::3], words[2::3], strict=True):
        run(Path(folder), asked, int(epochs))


if __name__ == "__main__":
    main(sys.argv[1:])
