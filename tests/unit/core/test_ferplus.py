from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import drawn_dataset
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import (
    FERPLUS_LABELS,
    majority_labels,
    majority_of,
    read_votes,
    vote_shares,
    votes_beside,
)
from votes import write_rows, write_votes

DATA = drawn_dataset((2, 1, 1))


def rows_of(*votes: list[int]) -> tuple[FerDataset, list[list[int]]]:
    return DATA.only(np.arange(len(votes))), [list(row) for row in votes]


def test_majority_leaves_out_slips_the_unclear_and_what_is_no_face(tmp_path: Path) -> None:
    dataset, votes = rows_of(
        [0, 9, 1, 0, 0, 0, 0, 0, 0, 0],  # clearly happy
        [0, 0, 0, 3, 0, 0, 1, 0, 1, 0],  # three of five, two of them slips: sad
        [0, 0, 0, 5, 5, 0, 0, 0, 0, 0],  # half each: no majority
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],  # no face
        [2, 0, 0, 0, 0, 0, 0, 0, 8, 0],  # unknown
        [0, 0, 0, 0, 0, 0, 2, 8, 0, 0],  # contempt
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # slips alone
    )
    file = write_rows(tmp_path / "votes.csv", dataset, votes)
    labeled = majority_labels(dataset, file)
    assert majority_of(read_votes(file, dataset)).tolist() == [1, 3, -1, -1, -1, 7, -1]
    assert labeled.label_names == FERPLUS_LABELS
    assert labeled.rows.tolist() == [0, 1, 5]
    assert [FERPLUS_LABELS[i] for i in labeled.labels] == ["happy", "sad", "contempt"]
    shares = vote_shares(labeled, file)
    assert shares.shape == (3, 8)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert shares[2, 6:].tolist() == pytest.approx([0.2, 0.8])
    assert shares[1, 3] == 1


def test_a_validation_split_taken_from_training_is_no_other_data(tmp_path: Path) -> None:
    dataset = DATA.only(DATA.split != 1)
    file = write_votes(tmp_path / "votes.csv", drawn_dataset((2, 1, 1)))
    assert len(read_votes(file, dataset.with_validation(1))) == len(dataset)


def test_votes_without_any_majority_are_refused(tmp_path: Path) -> None:
    dataset, votes = rows_of([5, 5, 0, 0, 0, 0, 0, 0, 0, 0])
    with pytest.raises(FerError, match="no majority for any picture"):
        majority_labels(dataset, write_rows(tmp_path / "votes.csv", dataset, votes))


def test_votes_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    file = write_votes(tmp_path / "votes.csv", DATA)
    file.write_text(file.read_text().replace("fer.png,", "fer.png,many", 1))
    with pytest.raises(FerError, match=r"cannot read FER\+ votes from .*votes\.csv"):
        read_votes(file, DATA)


def test_votes_with_an_unclosed_quote_are_refused(tmp_path: Path) -> None:
    file = write_votes(tmp_path / "votes.csv", DATA)
    file.write_text(f'"{file.read_text()}' + "0," * 9_000_000)
    with pytest.raises(FerError, match=r"cannot read FER\+ votes from .*votes\.csv"):
        read_votes(file, DATA)


def test_votes_are_found_beside_a_table_but_not_beside_a_folder(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "fer2013.npz").write_bytes(b"")
    assert votes_beside(tmp_path / "fer2013.npz") is None
    (tmp_path / "fer2013new.csv").write_text("")
    assert votes_beside(tmp_path / "fer2013.npz") == tmp_path / "fer2013new.csv"
    assert votes_beside(tmp_path / "faces") is None


def test_files_of_a_folder_are_not_rows_of_a_table(tmp_path: Path) -> None:
    file = write_votes(tmp_path / "votes.csv", DATA)
    with pytest.raises(FerError, match="drawn is a folder"):
        read_votes(file, replace(DATA, numbered=False))


def test_real_votes_give_the_published_share_of_clear_pictures(real_data: Path) -> None:
    from fer_core.readers import load_dataset

    votes = votes_beside(real_data)
    if votes is None:
        pytest.skip("fer2013new.csv is not beside FER2013")
    dataset = load_dataset(real_data)
    for label in range(7):  # no part of FER2013 is taken for other pictures
        assert len(read_votes(votes, dataset.only(dataset.labels == label)))
    doubtful = dataset.only(np.isin(dataset.labels, [0, 1, 2, 4]))  # what people mix up most
    assert len(read_votes(votes, doubtful))
    with pytest.raises(FerError, match="by chance alone"):
        read_votes(votes, shuffled(dataset))
    labeled = majority_labels(dataset, votes)
    assert 0.85 < len(labeled) / 35_887 < 0.95
    counts = dict(zip(FERPLUS_LABELS, labeled.class_counts().sum(axis=0), strict=True))
    assert counts["neutral"] > counts["happy"] > counts["surprise"] > counts["contempt"]


MANY = drawn_dataset((40, 8, 8))


def shuffled(dataset: FerDataset) -> FerDataset:
    """Return the pictures in another order within each split, as some archives hold them."""
    rng = np.random.default_rng(0)
    parts = [np.flatnonzero(dataset.split == split) for split in range(3)]
    order = np.concatenate([rng.permutation(part) for part in parts])
    return replace(dataset.only(order), rows=dataset.rows)


def test_votes_of_pictures_in_another_order_are_refused(tmp_path: Path) -> None:
    file = write_votes(tmp_path / "votes.csv", MANY)
    other = shuffled(MANY)
    assert len(majority_labels(MANY, file)) > 300
    for dataset in (other, other.only(other.split == 0)):
        with pytest.raises(FerError, match="agree with its labels by chance alone"):
            read_votes(file, dataset)
    with pytest.raises(FerError, match="agree with its labels by chance alone"):
        majority_labels(other, file)


def test_few_pictures_those_of_one_label_and_other_labels_do_not_tell(tmp_path: Path) -> None:
    file = write_votes(tmp_path / "votes.csv", MANY)
    other = shuffled(MANY)
    few = other.only(np.arange(0, len(other), 3))
    own = other.relabelled(other.labels, tuple("abcdefg"))
    one = replace(other, labels=np.full(len(other), 4, np.int64))
    for dataset in (few, own, one):
        assert len(read_votes(file, dataset)) == len(dataset)
