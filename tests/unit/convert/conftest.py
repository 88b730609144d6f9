"""What several tests of conversion need."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from convert_cases import DATA, VARIED
from drawn_faces import save_npz
from fer_train.architectures import build_model
from fer_train.data import model_inputs


@pytest.fixture(autouse=True)
def _no_trials(no_trials: None) -> None:
    """No test here needs the trial of a file."""


class Models(dict[str, keras.Model]):
    """Every network with statistics that are not fresh, and answers that differ by picture.

    Each is made when it is first asked for.
    """

    def __missing__(self, name: str) -> keras.Model:
        keras.utils.set_random_seed(3)
        model = build_model(name, (48, 48, 1), 7)
        rng = np.random.default_rng(0)
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                gamma, beta, mean, variance = layer.get_weights()
                layer.set_weights(
                    [
                        gamma * rng.uniform(0.8, 1.2, gamma.shape),
                        beta + rng.normal(0, 0.1, beta.shape),
                        mean + rng.normal(0, 0.1, mean.shape),
                        variance * rng.uniform(0.8, 1.2, variance.shape),
                    ]
                )
        logits = model.get_layer("logits")
        answers = keras.Model(model.input, model.layers[-1].input)
        values = np.asarray(answers(model_inputs(VARIED.part("validation")), training=False))
        scale = 2 / values.std(axis=0).max()
        kernel, bias = logits.get_weights()
        logits.set_weights([kernel * scale, (bias - values.mean(axis=0)) * scale])
        self[name] = model
        return model


@pytest.fixture(scope="session")
def models() -> Models:
    """Networks to convert, by name."""
    return Models()


@pytest.fixture(scope="session")
def small() -> keras.Model:
    """A network with what those of training have, which converts in a quarter of the time."""
    keras.utils.set_random_seed(3)
    pixels = keras.Input((48, 48, 1), name="pixels")
    x = keras.layers.Conv2D(8, 5, strides=3, use_bias=False)(pixels)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(x))
    return keras.Model(pixels, keras.layers.Softmax()(x), name="small")


@pytest.fixture
def saved(tmp_path: Path, small: keras.Model) -> tuple[Path, Path]:
    """The model file of a run called fer-nano, and the data set it goes with."""
    run = tmp_path / "fer-nano"
    run.mkdir()
    (run / "config.toml").write_text("")
    small.save(run / "model.keras")
    return run / "model.keras", save_npz(tmp_path / "drawn.npz", DATA)
