"""What processes that train together begin with, and that it is the same."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace

import keras
import numpy as np

from fer_core.errors import FerError
from fer_core.settings import settings_toml
from fer_core.values import FloatArray
from fer_train.checkpoint import TrainState
from fer_train.config import TrainConfig
from fer_train.devices import Devices


def first_facts(
    model: keras.Model, state: TrainState, targets: FloatArray, config: TrainConfig
) -> dict[str, int]:
    """Return what has to be the same in all processes that train together, as check sums.

    The paths of the data may differ, its content may not.

    Args:
        model: The network that is trained, with the weights that it begins with.
        state: How far the training has come.
        targets: (n, classes), the labels as probabilities.
        config: The settings.
    """
    settings = settings_toml(replace(config, data="", votes=""))
    weights = 0
    for each in model.get_weights():
        weights = zlib.crc32(np.ascontiguousarray(each).tobytes(), weights)
    return {
        "settings": zlib.crc32(settings.encode()),
        "pictures": zlib.crc32(state.data.encode()),
        "labels": zlib.crc32(np.ascontiguousarray(targets).tobytes()),
        "epochs that are done": state.epoch,
        "weights": weights,
    }


def require_alike(devices: Devices, facts: Mapping[str, int]) -> None:
    """Make sure that all processes begin with the same; all of them call it.

    Args:
        devices: The processes.
        facts: What has to be the same, by name: whole numbers below 2^32.

    Raises:
        FerError: They do not. Every process raises it, so that none waits for another.
    """
    from jax.experimental.multihost_utils import process_allgather

    told = np.asarray(process_allgather(np.array(list(facts.values()), np.uint32)))
    for process, column in np.argwhere(told != told[0])[:1]:
        raise FerError(
            f"process {process} of {devices.processes} begins with other {list(facts)[column]} "
            "than process 0. Each has to see the same data and the same run folder, with the "
            "same package, on the same kind of device: see docs/devices.md"
        )
