"""A teacher that looks at the very pictures its student sees, altered as they are.

Soft labels made once know nothing of what augmentation did to a picture, and a network is too
sure of those it was trained on; a guide judges every altered picture anew (Beyer et al., 2022,
"Knowledge distillation: a good teacher is patient and consistent"). It costs its forward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.values import FloatArray
from fer_train.config import TrainConfig
from fer_train.recipes import shipped
from fer_train.run_folder import model_file, model_labels
from fer_train.transfer import load_model
from fer_train.twin import training_twin


class Guide:
    """A trained network that blends its answers into the targets of a batch."""

    def __init__(self, model: keras.Model, weight: float, precision: str) -> None:
        self._model = training_twin(model, precision)
        self._weight = np.float32(weight)

    def blended(self, images: Any, targets: FloatArray) -> FloatArray:
        """Return targets (n, classes), of which `weight` is what the guide says of the images."""
        said = np.asarray(self._model.predict_on_batch(images), np.float32)
        return targets + self._weight * (said - targets)


def guide_of(config: TrainConfig, training: FerDataset, say: Callable[[str], None]) -> Guide | None:
    """Return the guide that the settings name, a model or a run, or None without one.

    One that ships with a recipe was trained on FER2013; other data goes without it. Raises
    FerError for any other guide that knows other labels or takes other pictures.
    """
    if not config.guide:
        return None
    own = shipped("results") / config.guide / "model.keras"
    is_own = Path(config.guide).name == config.guide
    if is_own and not own.exists():
        say(f"without the guide {config.guide}: it is not among the models that are installed")
        return None
    file = own if is_own else model_file(Path(config.guide))
    model = load_model(file)
    taken = tuple(model.input_shape[1:])
    if model_labels(file) != training.label_names or taken != training.spec.shape:
        if is_own:
            say(f"without the guide {config.guide}: it knows other labels or takes other pictures")
            return None
        raise FerError(
            f"the guide {file} must take {training.spec.shape} and know "
            f"{', '.join(training.label_names)}, as metrics.json beside it says"
        )
    return Guide(model, config.guide_weight, config.precision)
