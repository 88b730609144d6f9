import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.metrics import classification_report
from fer_core.readers import load_dataset
from fer_train import fold_training
from fer_train.architectures import build_model
from fer_train.config import TrainConfig
from fer_train.cross_validation import cross_validate
from fer_train.run import Say
from fer_train.spread import spread

CONFIG = TrainConfig(arch="b-plain", folds=3, seed=4)


def data_with_duplicates(folder: Path) -> Path:
    drawn = drawn_dataset((8, 3, 2))
    images = drawn.images.copy()
    images[1], images[2] = images[0], images[0]
    return save_npz(folder / "drawn.npz", replace(drawn, images=images))


def save_untrained(
    dataset: FerDataset, config: TrainConfig, folder: Path, resume: bool, say: Say
) -> None:
    """Leave what training leaves for `cross_validate`; tests/e2e does it with training."""
    folder.mkdir(parents=True, exist_ok=True)
    build_model(config.arch, (48, 48, 1), 7).save(folder / "model.keras")


@pytest.mark.usefixtures("no_trials")
def test_every_picture_is_judged_once_and_never_beside_its_duplicate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold_training, "train_on", save_untrained)
    config = replace(CONFIG, data=str(data_with_duplicates(tmp_path)))
    said: list[str] = []
    whole = cross_validate(config, tmp_path / "run", False, said.append)
    assert whole.count == 77  # training and validation pictures, no test picture
    rows = [np.load(tmp_path / f"run/fold-{i}/out_of_fold.npz")["rows"] for i in (1, 2, 3)]
    assert sorted(np.concatenate(rows).tolist()) == list(range(77))
    assert sum(bool({0, 1, 2} & set(part.tolist())) for part in rows) == 1
    sizes = [len(part) for part in rows]
    assert max(sizes) - min(sizes) <= 4
    facts = json.loads((tmp_path / "run" / "cross_validation.json").read_text())
    accuracies = [fold["accuracy"] for fold in facts["folds"]]
    assert facts["spread"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert facts["spread"]["accuracy"]["std"] == pytest.approx(np.std(accuracies, ddof=1))
    assert np.sum(facts["out_of_fold"]["confusion"]) == 77
    assert (tmp_path / "run" / "confusion.png").exists()


@pytest.mark.usefixtures("no_trials")
def test_a_fold_that_is_done_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, data=str(data_with_duplicates(tmp_path)))
    trained = []
    drawn = load_dataset(Path(config.data))
    pool = drawn.only(drawn.split != 2)

    def counting(
        rest: FerDataset, config: TrainConfig, folder: Path, resume: bool, say: Say
    ) -> None:
        trained.append(folder)
        held = pool.only(~np.isin(pool.rows, rest.rows))
        assert len(held) >= 20
        pixels = {image.tobytes() for image in held.images}
        assert not pixels & {image.tobytes() for image in rest.images}  # not even a duplicate
        assert set(rest.split.tolist()) == {0, 1}
        if len(trained) == 2:
            raise KeyboardInterrupt
        save_untrained(rest, config, folder, resume, say)

    monkeypatch.setattr(fold_training, "train_on", counting)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(config, tmp_path / "run", False, print)
    with pytest.raises(FerError, match="holds a run already"):
        cross_validate(config, tmp_path / "run", False, print)
    cross_validate(config, tmp_path / "run", True, print)
    changed = drawn.relabelled((drawn.labels + 1) % 7, drawn.label_names)
    save_npz(Path(config.data), changed)
    with pytest.raises(FerError, match="is of other pictures than drawn"):
        cross_validate(config, tmp_path / "run", True, print)
    assert [path.name for path in trained] == ["fold-1", "fold-2", "fold-2", "fold-3"]


@pytest.mark.usefixtures("no_trials")
def test_a_fold_that_learned_from_other_labels_is_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold_training, "train_on", save_untrained)
    config = replace(CONFIG, data=str(data_with_duplicates(tmp_path)))
    cross_validate(config, tmp_path / "run", False, print)
    held = np.load(tmp_path / "run" / "fold-3" / "out_of_fold.npz")["rows"]
    (tmp_path / "run" / "fold-3" / "out_of_fold.npz").unlink()  # stopped before it was done
    drawn = load_dataset(Path(config.data))
    images = drawn.images.copy()
    images[held[-1]] += 1  # no picture of the other folds' own parts
    save_npz(Path(config.data), replace(drawn, images=images))
    with pytest.raises(FerError, match=r"fold-1.*is of other pictures than drawn"):
        cross_validate(config, tmp_path / "run", True, print)


def test_too_many_folds_are_refused(tmp_path: Path) -> None:
    config = replace(CONFIG, data=str(data_with_duplicates(tmp_path)), folds=12)
    with pytest.raises(FerError, match=r"the smallest class of drawn\.npz has 11"):
        cross_validate(config, tmp_path / "run", False, print)


def test_the_spread_is_over_folds() -> None:
    def report(right: int) -> object:
        truth = np.arange(10, dtype=np.int64) % 2
        said = np.where(np.arange(10) < right, truth, 1 - truth)
        return classification_report(np.eye(2, dtype=np.float32)[said], truth, ("a", "b"))

    accuracy = spread([report(10), report(8)])["accuracy"]
    assert accuracy == {"mean": pytest.approx(0.9), "std": pytest.approx(0.1414, abs=1e-4)}
