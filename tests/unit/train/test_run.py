import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from commands import call
from drawn_faces import drawn_dataset, save_npz
from fer_core import files
from fer_core.errors import FerError
from fer_train.checkpoint import TrainState, load_checkpoint, save_checkpoint
from fer_train.config import TrainConfig
from fer_train.given_settings import soft_labels_file
from fer_train.run_facts import accuracies, read_run, saved_config
from fer_train.run_folder import chosen_config, settled
from fer_train.shipped import shipped


def test_paths_of_a_settings_file_are_relative_to_it(tmp_path: Path) -> None:
    config = settled(TrainConfig(data="faces", soft_labels="soft.npz"), tmp_path)
    assert config.data == str(tmp_path / "faces")
    assert config.soft_labels == str(tmp_path / "soft.npz")


def test_the_usual_place_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER2013", str(tmp_path / "fer2013.npz"))
    assert settled(TrainConfig(), Path()).data == str(tmp_path / "fer2013.npz")
    assert settled(TrainConfig(), Path()).soft_labels == ""


OLD = 'teacher = "soft.npz"\nteacher_weight = 0.3\nguide = "fer-base"\nguide_weight = 0.4\n'


def test_settings_under_their_old_names_are_read_with_a_hint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'arch = "fer-nano"\n{OLD}')
    config = chosen_config(file, None, None, {})
    assert (config.soft_labels, config.soft_labels_weight) == (str(tmp_path / "soft.npz"), 0.3)
    assert (config.online_teacher, config.online_teacher_weight) == ("fer-base", 0.4)
    assert len(caplog.messages) == 4
    assert any("guide is called online_teacher now" in line for line in caplog.messages)
    file.write_text(f'soft_labels = "a.npz"\n{OLD}')
    with pytest.raises(FerError, match="teacher is called soft_labels now: leave teacher out"):
        chosen_config(file, None, None, {})


def test_runs_of_earlier_versions_are_read_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.toml").write_text(OLD)
    assert saved_config(tmp_path).online_teacher == "fer-base"
    assert caplog.messages == []
    (tmp_path / "model.keras").write_bytes(b"weights")
    metrics = '{"model": "fer-nano", "epochs": 2, "best_epoch": 1, "guide_sha256": "ab"}'
    (tmp_path / "metrics.json").write_text(metrics)
    facts = read_run(tmp_path / "model.keras").training_facts()
    assert facts["teacher_sha256"] == "ab"


def test_teacher_is_an_old_name_of_an_option(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert soft_labels_file(None, None) is None
    assert soft_labels_file(tmp_path / "a.npz", None) == str(tmp_path / "a.npz")
    assert caplog.messages == []
    assert soft_labels_file(None, tmp_path / "b.npz") == str(tmp_path / "b.npz")
    assert [line.split(",")[0] for line in caplog.messages] == [
        "--teacher is called --soft-labels now"
    ]
    done = call("fer-train", "--teacher", "a.npz", "--config", "absent.toml", cwd=tmp_path, code=1)
    assert "--teacher is called --soft-labels now" in done.stderr


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A run folder whose settings a test writes."""
    folder = tmp_path / "first"
    folder.mkdir()
    shutil.copy(shipped("results") / "fer-nano" / "model.keras", folder)
    return folder


@pytest.mark.parametrize("name", [None, "my.toml"])
def test_a_run_from_another_one_is_judged_by_pictures_that_neither_learned_from(
    name: str | None, first: Path, tmp_path: Path
) -> None:
    (tmp_path / "my.toml").write_text("epochs = 3\n")
    file = tmp_path / name if name else None
    (first / "config.toml").write_text('data = "/faces"\nseed = 5\n')

    def config(**given: object) -> TrainConfig:
        return chosen_config(file, None, str(first), given)

    same = config(data="/faces", seed=2)
    assert (same.seed, same.pictures.seed) == (2, 5)
    assert config(data="/others", seed=2).pictures.seed == 2
    assert config(data="/faces", labels="ferplus").pictures.seed == 1
    (first / "config.toml").write_text('data = "/faces"\nheld_out = "out_of_fold.npz"\n')
    assert config(data="/faces").held_out == str(first / "out_of_fold.npz")
    assert config(data="/others").held_out == ""
    (first / "config.toml").write_text('data = "/faces"\nwithout = "disgust, fear"\n')
    assert config(data="/faces").without == "disgust, fear"
    assert config(data="/others").without == ""
    drawn = drawn_dataset((30, 1, 1))
    undivided = replace(drawn, split=np.where(drawn.split == 1, 0, drawn.split))
    data = save_npz(tmp_path / "undivided.npz", undivided)
    (first / "config.toml").write_text(f"data = {json.dumps(str(data))}\nseed = 5\n")
    learned = saved_config(first).pictures.load().part("train").rows
    judging = config(data=str(data), seed=2).pictures.load().part("validation").rows
    assert len(judging) > 0
    assert not set(judging.tolist()) & set(learned.tolist())


def test_a_split_that_a_settings_file_names_is_the_one(first: Path, tmp_path: Path) -> None:
    (first / "config.toml").write_text('data = "/faces"\nseed = 5\nwithout = "fear"\n')
    mine = tmp_path / "my.toml"
    mine.write_text('data = "/faces"\nsplit_seed = 7\nwithout = ""\n')
    config = chosen_config(mine, None, str(first), {})
    assert (config.pictures.seed, config.without) == (7, "")
    mine.write_text('data = "/faces"\nheld_out = "fold.npz"\n')
    config = chosen_config(mine, None, str(first), {"split_seed": 9})
    assert (config.held_out, config.pictures.seed) == (str(tmp_path / "fold.npz"), 5)
    rounded = chosen_config(mine, None, str(first), {"qat": True, "seed": 2})
    assert (rounded.pictures.seed, rounded.without) == (5, "fear")
    mine.write_text('data = "/others"\n')
    rounded = chosen_config(mine, None, str(first), {"qat": True})
    assert (rounded.held_out, rounded.without) == ("", "")  # they are of other pictures


def test_rounding_goes_on_with_the_labels_that_a_shipped_model_learned() -> None:
    config = chosen_config(
        None, None, "fer-small-ferplus", {"qat": True, "data": "/faces", "seed": 4}
    )
    assert (config.labels, config.without) == ("ferplus-votes", "contempt")
    assert (config.data, config.seed, config.pictures.seed) == ("/faces", 4, 4)
    assert chosen_config(None, None, "fer-small", {"qat": True}).labels == "fer2013"


@pytest.mark.parametrize("name", [None, "my.toml"])
def test_rounding_takes_other_labels_without_the_votes_of_its_start(
    name: str | None, first: Path, tmp_path: Path
) -> None:
    (tmp_path / "my.toml").write_text('data = "/faces"\n')
    file = tmp_path / name if name else None
    (first / "config.toml").write_text(
        'data = "/faces"\nseed = 5\nlabels = "ferplus"\nvotes = "/v.csv"\nwithout = "contempt"\n'
    )
    config = chosen_config(file, None, str(first), {"qat": True, "labels": "fer2013"})
    assert (config.labels, config.votes, config.without) == ("fer2013", "", "")
    assert (config.pictures.seed, config.data) == (5, str(Path("/faces").resolve()))


def test_rounding_keeps_votes_where_the_labels_have_some(first: Path, tmp_path: Path) -> None:
    votes = tmp_path / "votes.csv"
    (first / "config.toml").write_text(
        f'labels = "ferplus"\nvotes = {json.dumps(str(votes))}\nwithout = "contempt"\n'
    )
    for given in ({"labels": "ferplus-votes"}, {}):
        config = chosen_config(None, None, str(first), {"qat": True, **given})
        assert (config.votes, config.without) == (str(votes), "contempt")


def test_a_history_that_is_replaced_meanwhile_is_read_a_moment_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert accuracies(tmp_path) == []
    (tmp_path / "history.csv").write_text("epoch,val_accuracy\n1,0.5\n")
    read_text, refused = Path.read_text, [PermissionError(13, "Access is denied")]

    def as_windows_does(self: Path, encoding: str | None = None) -> str:
        if refused:
            raise refused.pop()
        return read_text(self, encoding)

    monkeypatch.setattr(Path, "read_text", as_windows_does)
    monkeypatch.setattr(files, "_WAITS_SECONDS", (0.0,))
    assert accuracies(tmp_path) == [0.5]
    assert refused == []


def test_a_checkpoint_of_an_earlier_version_knows_its_pictures_alone(tmp_path: Path) -> None:
    """It held two SHA-256, and nothing of soft labels or an online teacher."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    network.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
    network.optimizer.build(network.trainable_variables)
    weights, file = network.get_weights(), tmp_path / "checkpoint.npz"
    epochs = [{"epoch": 1, "val_accuracy": 0.5}]
    save_checkpoint(file, network, TrainState("a" * 128, 0, 1, weights, weights, 1, epochs))
    assert load_checkpoint(file, network, "a" * 128 + "b" * 64).data == "a" * 128
    with pytest.raises(FerError, match="the pictures, their labels or what teaches them"):
        load_checkpoint(file, network, "a" * 127 + "b" * 65)
    save_checkpoint(file, network, TrainState("a" * 192, 0, 1, weights, weights, 1, epochs))
    with pytest.raises(FerError, match="what teaches them have changed"):
        load_checkpoint(file, network, "a" * 128 + "b" * 64)
