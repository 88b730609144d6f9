import numpy as np
import pytest

from drawn_faces import drawn_dataset
from fer_train.architectures import ARCHITECTURES, build_model
from fer_train.balance import balance
from fer_train.config import TrainConfig
from fer_train.data import predict

FACES = drawn_dataset((12, 0, 0))
LOPSIDED = FACES.only(np.flatnonzero((FACES.labels != 1) | (np.arange(len(FACES)) % 4 == 0)))


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("name", ["fer-nano", "mini-xception", "c-blocks"])
def test_probabilities_are_divided_by_the_shares_of_the_classes(name: str, strength: float) -> None:
    assert name in ARCHITECTURES
    model = build_model(name, (48, 48, 1), 7)
    before = predict(model, LOPSIDED)
    balance(model, LOPSIDED, strength)
    counts = np.bincount(LOPSIDED.labels)
    assert counts[1] < counts[0]
    expected = before / (counts / counts.sum()) ** strength
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict(model, LOPSIDED), expected, atol=1e-5)


def test_balance_and_class_weights_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="do the same twice"):
        TrainConfig(class_weights=True, balance=0.5)


def test_training_with_rounding_leaves_balance_to_the_model_it_starts_from() -> None:
    with pytest.raises(ValueError, match="leave balance out"):
        TrainConfig(qat=True, balance=0.5)
