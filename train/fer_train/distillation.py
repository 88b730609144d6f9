"""Online distillation: a teacher judges the very pictures that its student sees, as augmented.

Soft labels made once know nothing of what augmentation did to a picture, and a network is too
sure of those it was trained on; an online teacher judges every altered picture anew (Beyer et
al., 2022, "Knowledge distillation: a good teacher is patient and consistent"). It is a bundle: an
int8 one costs a quarter of the forward pass of the Keras model that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.preprocess import denormalize_pixels
from fer_core.values import FloatArray
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model, shipped_models
from fer_train.config import TrainConfig
from fer_train.device import threads_of_this_process


class OnlineTeacher:
    """A bundle that blends its answers into the targets of a batch.

    Args:
        bundle: The bundle.
        weight: The share of the targets that it decides, 0 to 1.
    """

    def __init__(self, bundle: ModelBundle, weight: float) -> None:
        self.sha256 = bundle.manifest.sha256
        self._model = TfliteModel(bundle, threads=threads_of_this_process())
        self._weight = np.float32(weight)

    def blended(self, images: Any, targets: FloatArray) -> FloatArray:
        """Return targets (n, classes), of which `weight` is what the teacher says of the images.

        Args:
            images: (n, h, w, c) in -1 to 1; the teacher sees the nearest grays.
            targets: (n, classes), the labels as probabilities.
        """
        pixels = denormalize_pixels(np.asarray(images))
        said = np.stack([self._model.probabilities(picture) for picture in pixels])
        return targets + self._weight * (said - targets)


def online_teacher_of(
    config: TrainConfig, training: FerDataset, say: Callable[[str], None]
) -> OnlineTeacher | None:
    """Return the teacher that the settings name, a bundle or a shipped model; None without one.

    Other data goes without the shipped models, and FER+'s labels without those that learned
    FER2013's.

    Raises:
        FerError: There is no such bundle, or it knows other labels or takes other pictures.
    """
    if not config.online_teacher:
        return None
    bundle = load_model(config.online_teacher)
    taken, known = bundle.manifest.input.shape, bundle.manifest.labels
    is_shipped = config.online_teacher in shipped_models()
    agrees = not is_shipped or config.labels == "fer2013" or _learned_votes(bundle)
    if agrees and known == training.label_names and taken == training.spec.shape:
        return OnlineTeacher(bundle, config.online_teacher_weight)
    if is_shipped:
        name = config.online_teacher
        say(f"without the online teacher {name}: it knows other labels or takes other pictures")
        return None
    raise FerError(
        f"the online teacher {config.online_teacher} must take {training.spec.shape} and know "
        f"{', '.join(training.label_names)}; it takes {taken} and knows {', '.join(known)}"
    )


def _learned_votes(bundle: ModelBundle) -> bool:
    """Return whether a shipped model learned the labels of FER+."""
    return str(bundle.manifest.provenance["data_settings"]["labels"]) != "fer2013"
