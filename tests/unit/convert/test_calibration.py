from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from convert_cases import DATA, request_of, silent
from drawn_faces import save_npz
from fer_convert.calibration import fit_temperature, representative_set
from fer_convert.convert import convert
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_train.data import model_inputs
from fer_train.network.logits import divide_logits


def test_the_representative_set_is_stratified_and_seeded() -> None:
    training = DATA.part("train")
    chosen = representative_set(training, 21, seed=4)
    assert np.bincount(chosen.labels).tolist() == [3] * 7
    assert set(chosen.rows) <= set(training.rows)
    assert np.array_equal(chosen.rows, representative_set(training, 21, seed=4).rows)
    assert not np.array_equal(chosen.rows, representative_set(training, 21, seed=5).rows)


def test_a_rare_class_still_has_a_picture() -> None:
    training = DATA.part("train")
    rare = training.only((training.labels != 1) | (np.arange(len(training)) % 8 == 0))
    sizes = np.bincount(representative_set(rare, 14, seed=1).labels)
    assert sizes.sum() == 14
    assert sizes.min() == 1


def test_calibration_sets_that_cannot_be_are_refused() -> None:
    training = DATA.part("train")
    with pytest.raises(FerError, match="999 calibration samples asked of 56"):
        representative_set(training, 999, seed=1)
    with pytest.raises(FerError, match="no training picture of disgust"):
        representative_set(training.only(training.labels != 1), 14, seed=1)
    black = replace(training, images=np.zeros_like(training.images))
    with pytest.raises(FerError, match="14 of 14 calibration pictures are of one gray value"):
        representative_set(black, 14, seed=1)
    few = training.images * (np.arange(len(training)) % 8 < 6)[:, None, None].astype(np.uint8)
    with pytest.raises(FerError, match="14 of 56 calibration pictures are of one gray value"):
        representative_set(replace(training, images=few), 56, seed=1)


def test_what_needs_no_calibration_asks_for_none(saved: tuple[Path, Path], tmp_path: Path) -> None:
    training = np.flatnonzero((DATA.split != 0) | (DATA.labels != 1))
    lacking = save_npz(tmp_path / "lacking.npz", DATA.only(training))
    request = request_of((saved[0], lacking), tmp_path / "out", 100.0, "float32 float16")
    assert len(convert(replace(request, calibration_samples=9999), silent)) == 2
    with pytest.raises(FerError, match="no training picture of disgust"):
        convert(request_of((saved[0], lacking), tmp_path / "out", 100.0), silent)


def test_a_small_set_calibrates_with_all_it_has(saved: tuple[Path, Path], tmp_path: Path) -> None:
    request = replace(request_of(saved, tmp_path / "out", 100.0), calibration_samples=None)
    (path,) = convert(request, silent)
    rows = ModelBundle.load(path).manifest.provenance["calibration_rows"]
    assert len(rows) == len(DATA.part("train"))


def test_the_runs_own_seed_decides_the_validation_split(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    faces = DATA.part("train")
    undivided = save_npz(tmp_path / "undivided.npz", faces)
    (saved[0].parent / "config.toml").write_text("seed = 7\n")
    request = request_of((saved[0], undivided), tmp_path / "out", 100.0)
    (path,) = convert(request, silent)
    rows = ModelBundle.load(path).manifest.provenance["calibration_rows"]
    divided = faces.with_validation(seed=7)
    assert set(rows) <= set(np.flatnonzero(divided.split == 0).tolist())


def test_the_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(7, p=row) for row in probabilities])
    sharp = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=1, keepdims=True)
    assert fit_temperature(sharp.astype(np.float32), truth) == pytest.approx(2.0, rel=0.1)


def test_divided_logits_are_a_tempered_softmax(models: dict[str, keras.Model]) -> None:
    model = keras.models.clone_model(models["fer-nano"])
    model.set_weights(models["fer-nano"].get_weights())
    inputs = model_inputs(DATA.part("validation"))
    before = model.predict(inputs, verbose=0)
    divide_logits(model, 1.7)
    after = model.predict(inputs, verbose=0)
    tempered = before ** (1 / 1.7)
    assert np.allclose(after, tempered / tempered.sum(axis=1, keepdims=True), atol=1e-5)
