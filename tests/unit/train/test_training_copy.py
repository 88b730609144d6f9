import keras
import numpy as np
import pytest

from fer_train.architectures import build_model
from fer_train.network.training_copy import training_copy

RNG = np.random.default_rng(3)
PICTURES = RNG.uniform(-1, 1, (16, 48, 48, 1)).astype(np.float32)
TARGETS = np.eye(7, dtype=np.float32)[RNG.integers(0, 7, 16)]


def trained(model: keras.Model, steps: int = 3) -> tuple[float, list[np.ndarray]]:
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "categorical_crossentropy")
    for _ in range(steps):
        loss = model.train_on_batch(PICTURES, TARGETS)
    return float(loss), model.get_weights()


def test_a_training_copy_learns_what_the_network_itself_would() -> None:
    keras.utils.set_random_seed(1)
    model = build_model("fer-nano", (48, 48, 1), 7)
    copy = training_copy(model, "float32")
    np.testing.assert_array_equal(copy(PICTURES), model(PICTURES))
    loss, weights = trained(model)
    copy_loss, copy_weights = trained(copy)
    assert copy_loss == pytest.approx(loss, rel=0.01)
    for one, other in zip(weights, copy_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.01)


def test_bfloat16_leaves_weights_and_probabilities_in_float32() -> None:
    keras.utils.set_random_seed(1)
    model = build_model("fer-nano", (48, 48, 1), 7)
    copy = training_copy(model, "bfloat16")
    assert copy.layers[1].compute_dtype == "bfloat16"
    assert all(variable.dtype == "float32" for variable in copy.weights)
    answer = keras.ops.convert_to_numpy(copy(PICTURES))
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(answer, model(PICTURES), atol=0.02)
    before, _ = trained(copy, 1)
    after, _ = trained(copy, 8)
    assert after < before


def test_a_frozen_copy_leaves_its_statistics_alone() -> None:
    model = build_model("fer-nano", (48, 48, 1), 7)
    for layer in model.layers[:-2]:
        layer.trainable = False
    _, weights = trained(training_copy(model, "float32"))
    for old, new in zip(model.get_weights()[:-2], weights[:-2], strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(model.get_weights()[-2], weights[-2])
