"""Answers that do not lean towards the classes with the most training pictures."""

from __future__ import annotations

import keras
import numpy as np

from fer_core.dataset import FerDataset
from fer_train.network.logits import shift_logits


def balance(model: keras.Model, training: FerDataset, strength: float) -> None:
    """Divide the model's probabilities by each class's share of the pictures, to a power.

    The bias of the layer `logits` takes it up, so it costs nothing (Menon et al., 2021,
    "Long-tail learning via logit adjustment").

    Args:
        model: The network, which is changed in place.
        training: The pictures, some of every class.
        strength: The power: 0 changes nothing, at 1 the model answers as if every class were as
            frequent.
    """
    counts = np.bincount(training.labels, minlength=len(training.label_names))
    shift_logits(model, -strength * np.log(counts / counts.sum()))
