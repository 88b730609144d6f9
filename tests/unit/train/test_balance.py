from pathlib import Path

import numpy as np
import pytest

from drawn_faces import drawn_dataset
from fer_train.architectures import ARCHITECTURES, build_model
from fer_train.balance import balance
from fer_train.config import TrainConfig
from fer_train.data import predict
from fer_train.run import train_on
from fer_train.transfer import load_keras_model

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


def test_a_run_is_balanced_once_also_when_it_is_resumed_after_its_end(tmp_path: Path) -> None:
    validated = drawn_dataset((12, 4, 0))
    faces = validated.only(
        np.flatnonzero((validated.labels != 1) | (np.arange(len(validated)) % 4 == 0))
    )
    shares = np.bincount(faces.labels[faces.split == 0]) / (faces.split == 0).sum()
    assert shares[1] < shares[0]
    for resume, strength in ((False, 0.5), (True, 0.5), (True, 0.25)):
        config = TrainConfig(arch="b-plain", epochs=1, batch_size=16, balance=strength)
        train_on(faces, config, tmp_path, resume, lambda line: None)
        model = load_keras_model(tmp_path / "model.keras")
        biases = model.get_layer("logits").get_weights()[1]
        with np.load(tmp_path / "checkpoint.npz") as learned:  # which has the weights as trained
            plain = learned[f"best/{len(model.get_weights()) - 1}"]
        np.testing.assert_allclose(plain - biases, strength * np.log(shares), atol=1e-4)


def test_balance_and_class_weights_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="do the same twice"):
        TrainConfig(class_weights=True, balance=0.5)


def test_training_with_rounding_leaves_balance_to_the_model_it_starts_from() -> None:
    with pytest.raises(ValueError, match="leave balance out"):
        TrainConfig(qat=True, balance=0.5)
