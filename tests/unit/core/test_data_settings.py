from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_core.data_settings import DataSettings
from fer_core.errors import FerError
from fer_core.ferplus import FERPLUS_LABELS, VOTES_FILE, vote_shares
from fer_core.labels import FER2013_LABELS
from fer_core.preprocess import InputSpec
from votes import write_votes

FACES = drawn_dataset((12, 0, 2))


def test_the_seed_divides_off_the_validation_split(tmp_path: Path) -> None:
    data = str(save_npz(tmp_path / "faces.npz", FACES))
    split = DataSettings(data=data, seed=7).load().split
    assert (split == 1).any()
    np.testing.assert_array_equal(split, FACES.with_validation(7).split)
    assert not np.array_equal(split, DataSettings(data=data, seed=8).load().split)


def test_size_and_colour_are_those_of_the_settings_unless_a_spec_is_given(tmp_path: Path) -> None:
    settings = DataSettings(data=str(save_npz(tmp_path / "faces.npz", FACES)), colour="rgb")
    assert settings.load().spec.shape == (48, 48, 3)
    assert settings.load(InputSpec(32, 32)).spec.shape == (32, 32, 1)


def test_an_npz_of_colors_is_read_in_gray_unless_rgb_is_asked_for(tmp_path: Path) -> None:
    colors = replace(FACES, images=np.stack([FACES.images, FACES.images // 2, FACES.images], -1))
    data = str(save_npz(tmp_path / "faces.npz", colors))
    gray = DataSettings(data=data).load()
    assert gray.spec.shape == (48, 48, 1)
    np.testing.assert_array_equal(gray.images, DataSettings(data=data, size=48).load().images)
    assert DataSettings(data=data, colour="rgb").load().spec.shape == (48, 48, 3)


def test_votes_are_those_beside_the_data(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "faces.npz", FACES)
    settings = DataSettings(data="faces.npz", labels="ferplus")
    with pytest.raises(FerError, match="ferplus labels need the votes of FER"):
        settings.with_whole_paths(tmp_path).load()
    write_votes(tmp_path / VOTES_FILE, FACES)
    whole = settings.with_whole_paths(tmp_path)
    assert (whole.data, whole.votes) == (str(data), str(tmp_path / VOTES_FILE))
    assert whole.load().label_names == FERPLUS_LABELS


def test_classes_can_be_left_out(tmp_path: Path) -> None:
    data = str(save_npz(tmp_path / "faces.npz", FACES))
    votes = str(write_votes(tmp_path / VOTES_FILE, FACES))
    every = DataSettings(data=data, labels="ferplus", votes=votes).load()
    seven = DataSettings(data=data, labels="ferplus", votes=votes, without="contempt").load()
    assert seven.label_names == FER2013_LABELS
    kept = every.labels != every.label_names.index("contempt")
    assert seven.rows.tolist() == every.rows[kept].tolist()
    assert [seven.label_names[i] for i in seven.labels] == [
        every.label_names[i] for i in every.labels[kept]
    ]
    assert vote_shares(seven, Path(votes)).shape == (len(seven), 7)
    five = DataSettings(data=data, without="disgust, happy").load()
    assert five.label_names == ("angry", "fear", "sad", "surprise", "neutral")
    assert not {"disgust", "happy"} & {five.label_names[i] for i in five.labels}
    with pytest.raises(FerError, match="has no class 'contempt' to leave out: it has angry"):
        DataSettings(data=data, without="contempt").load()
    with pytest.raises(FerError, match="leaves 1 of the classes"):
        DataSettings(data=data, without="angry,disgust,fear,happy,sad,surprise").load()


def test_what_a_fold_did_not_see_is_the_validation_split(tmp_path: Path) -> None:
    faces = drawn_dataset((6, 3, 2))
    data = str(save_npz(tmp_path / "faces.npz", faces))
    rows = np.array([2, 50, 60], np.int64)
    held = faces.only(rows)
    np.savez(tmp_path / "fold.npz", rows=rows, data=held.fingerprint())
    settings = DataSettings(data=data, held_out="fold.npz").with_whole_paths(tmp_path)
    dataset = settings.load()
    assert dataset.part("validation").rows.tolist() == rows.tolist()
    assert dataset.split_sizes() == {"train": 60, "validation": 3, "test": 14}
    np.savez(tmp_path / "fold.npz", rows=rows + 1, data=held.fingerprint())
    with pytest.raises(FerError, match=r"faces.npz are not those of the fold"):
        settings.load()
    np.savez(tmp_path / "fold.npz", rows=rows)
    with pytest.raises(FerError, match=r"fold.npz does not say which pictures a fold did not"):
        settings.load()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"labels": "affectnet"}, "labels must be one of"),
        ({"colour": "blue"}, "colour must be one of"),
        ({"size": 5000}, "size must lie in 0 to 1024, got 5000"),
        ({"seed": -1}, "seed must lie in 0 to"),
    ],
)
def test_settings_that_name_no_data_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DataSettings(**wrong)


def test_whole_paths_mean_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER2013", raising=False)
    data = save_npz(tmp_path / "faces.npz", FACES)
    write_votes(tmp_path / VOTES_FILE, FACES)
    assert DataSettings().with_whole_paths(tmp_path) == DataSettings()  # FER2013 is not here
    assert DataSettings(labels="ferplus").with_whole_paths(tmp_path).votes == ""
    plain = DataSettings(data="faces.npz").with_whole_paths(tmp_path)
    assert (plain.data, plain.votes) == (str(data), "")  # votes are for FER+ alone
    own = DataSettings(data="faces.npz", labels="ferplus", votes="own.csv")
    assert own.with_whole_paths(tmp_path).votes == str(tmp_path / "own.csv")
    kept = DataSettings(data="faces.npz", votes="own.csv").with_whole_paths(tmp_path)
    assert kept.votes == str(tmp_path / "own.csv")
    monkeypatch.setenv("FER2013", "faces.npz")
    usual = DataSettings(labels="ferplus-votes").with_whole_paths(tmp_path / "elsewhere")
    assert (usual.data, usual.votes) == (str(data), str(tmp_path / VOTES_FILE))


def test_a_size_alone_gives_gray_squares_and_a_colour_alone_48_pixels(tmp_path: Path) -> None:
    data = str(save_npz(tmp_path / "faces.npz", FACES))
    assert DataSettings(data=data, size=32).load().spec.shape == (32, 32, 1)
    assert DataSettings(data=data, colour="rgb", size=20).load().spec.shape == (20, 20, 3)
    assert DataSettings(data=data).load().spec.shape == (48, 48, 1)
    for size in (0, 1024):
        assert DataSettings(size=size).size == size
    assert DataSettings(seed=2**32 - 1).seed == 2**32 - 1
    with pytest.raises(ValueError, match="size must lie in 0 to 1024, got 1025"):
        DataSettings(size=1025)
    with pytest.raises(ValueError, match="seed must lie in 0 to 4294967295, got 4294967296"):
        DataSettings(seed=2**32)


def test_settings_without_data_load_that_of_the_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FER2013", str(save_npz(tmp_path / "faces.npz", FACES)))
    assert len(DataSettings().load()) == len(FACES)


def test_bad_rows_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    labels = FACES.labels.copy()
    labels[0] = 9
    np.savez(tmp_path / "bad.npz", images=FACES.images, labels=labels, usage=FACES.split)
    settings = DataSettings(data=str(tmp_path / "bad.npz"))
    with pytest.raises(FerError, match="1 bad rows"):
        settings.load()
    assert len(replace(settings, skip_bad=True).load()) == len(FACES) - 1
