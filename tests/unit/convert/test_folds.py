"""The network of a fold is judged by the pictures that it did not learn from, wherever it goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from convert_cases import request_of, silent
from drawn_faces import drawn_dataset, save_npz
from fer_convert.convert import convert
from fer_convert.parent import data_of
from fer_convert.verify import verify_bundle
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.settings import settings_toml
from fer_train import fold_training
from fer_train.config import TrainConfig
from fer_train.cross_validation import cross_validate
from fer_train.run_facts import read_run
from fer_train.run_folder import CHECKPOINT, chosen_config, model_file, resumed_config
from fer_train.transfer import load_keras_model

DRAWN = drawn_dataset((6, 3, 2))


@dataclass(frozen=True, slots=True)
class Folds:
    """A cross-validation, and the pictures that each fold learned from or chose its epoch by."""

    out: Path
    data: Path
    learned: dict[str, FerDataset]


@pytest.fixture
def folds(tmp_path: Path, small: keras.Model, monkeypatch: pytest.MonkeyPatch) -> Folds:
    learned: dict[str, FerDataset] = {}

    def leave_what_training_leaves(
        rest: FerDataset,
        config: TrainConfig,
        folder: Path,
        resume: bool,
        say: Callable[[str], None],
    ) -> None:
        learned[folder.name] = rest
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "config.toml", settings_toml(config))
        (folder / CHECKPOINT).touch()
        small.save(folder / "model.keras")
        judged_by = rest.part("validation").fingerprint(rows=False)
        facts = {"labels": list(rest.label_names), "validation_fingerprint": judged_by}
        write_text(folder / "metrics.json", json.dumps(facts))

    monkeypatch.setattr(fold_training, "train_on", leave_what_training_leaves)
    data = save_npz(tmp_path / "drawn.npz", DRAWN)
    config = TrainConfig(arch="b-plain", folds=2, data=str(data), seed=4)
    cross_validate(config, tmp_path / "five", False, silent)
    return Folds(tmp_path / "five", data, learned)


def rows_of(dataset: FerDataset, split: str) -> set[int]:
    return set(dataset.part(split).rows.tolist())


def judged_by(fold: Path, data: Path | None = None) -> FerDataset:
    file = model_file(fold)
    return data_of(read_run(file), load_keras_model(file), data)


@pytest.mark.parametrize("version", ["this", "an earlier one", "moved"])
def test_a_fold_is_converted_by_pictures_that_it_never_saw(folds: Folds, version: str) -> None:
    out = folds.out.rename(folds.out.with_name("moved")) if version == "moved" else folds.out
    for fold in ("fold-1", "fold-2"):
        if version == "an earlier one":
            file = out / fold / "config.toml"
            file.write_text(file.read_text().replace("held_out", "# held_out"))
        dataset = judged_by(out / fold)
        assert not rows_of(dataset, "validation") & set(folds.learned[fold].rows.tolist())
        assert rows_of(dataset, "train") == set(folds.learned[fold].rows.tolist())
        assert rows_of(dataset, "test") == rows_of(DRAWN, "test")
    with pytest.raises(FerError, match=r"is a cross-validation: choose one fold, .*fold-1"):
        model_file(out)


def test_a_fold_takes_its_own_pictures_alone(folds: Folds, tmp_path: Path) -> None:
    copied = save_npz(tmp_path / "copied.npz", DRAWN)
    own = rows_of(judged_by(folds.out / "fold-1"), "validation")
    assert rows_of(judged_by(folds.out / "fold-1", copied), "validation") == own
    other = save_npz(tmp_path / "other.npz", drawn_dataset((7, 3, 2)))
    with pytest.raises(FerError, match=r"other.npz are not those of the fold .*fold-1: give the"):
        judged_by(folds.out / "fold-1", other)


def test_training_with_rounding_goes_on_with_the_pictures_of_its_fold(folds: Folds) -> None:
    given = {"qat": True, "seed": 9}
    config = chosen_config(None, None, str(folds.out / "fold-2"), given)
    dataset = config.pictures.load()
    assert not rows_of(dataset, "validation") & set(folds.learned["fold-2"].rows.tolist())
    assert rows_of(dataset, "train") == set(folds.learned["fold-2"].rows.tolist())


def test_a_bundle_of_a_fold_can_be_judged_again(folds: Folds, tmp_path: Path) -> None:
    saved = (folds.out / "fold-1" / "model.keras", folds.data)
    said: list[str] = []
    (path,) = convert(request_of(saved, tmp_path / "out", 100.0), said.append)
    assert not any("was judged" in line for line in said)  # its inner validation split is no matter
    facts = ModelBundle.load(path).manifest.provenance
    held = np.load(folds.out / "fold-1" / "out_of_fold.npz")["rows"]
    assert facts["held_out"].split() == [str(row) for row in held]
    assert "recorded" in verify_bundle(path, folds.data, 100.0)


def test_a_fold_goes_on_with_the_others(folds: Folds) -> None:
    fold = folds.out / "fold-2"
    again = rf"fer-train folds --out {folds.out} --resume"
    with pytest.raises(FerError, match=f"fold-2 is a fold of a cross-validation: {again}"):
        resumed_config(fold)
    (fold / "out_of_fold.npz").unlink()  # killed after its training
    with pytest.raises(FerError, match=f"fold-2 is not finished: {again}"):
        model_file(fold)
    (fold / "model.keras").unlink()
    with pytest.raises(FerError, match=f"fold-2 is not finished: {again}"):
        model_file(fold)
    (folds.out / "fold-1" / "config.toml").unlink()
    with pytest.raises(FerError, match="holds no checkpoint to resume"):
        resumed_config(folds.out / "fold-1")
