from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_bench.accuracy import TestPictures
from fer_bench.bench import run_benchmark
from fer_bench.crowd import crowd_agreement
from fer_bench.judging import Extent
from fer_bench.report import results_table
from fer_bench.results import Results
from fer_bench.side_by_side import side_by_side
from fer_core.dataset import FerDataset
from fer_core.ferplus import FERPLUS_LABELS, VOTES_FILE
from fer_edge.inference.models import shipped_models
from votes import write_rows

HAPPY, SAD, CONTEMPT, UNCLEAR, NO_FACE = (
    [2, 8, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 0, 9, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 2, 0, 0, 8, 0, 0],
    [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 9],
)
OWN_WORDS = {"happy": "happiness", "sad": "sadness", "angry": "anger"}


@pytest.fixture
def test_part() -> FerDataset:
    return drawn_dataset((1, 1, 2)).part("test")


def answers(test: FerDataset, labels: list[str]) -> np.ndarray:
    probabilities = np.full((len(labels), len(test.label_names)), 0.01, np.float32)
    probabilities[range(len(labels)), [test.label_names.index(label) for label in labels]] = 0.9
    return probabilities


def test_answers_are_compared_with_what_most_voters_said(
    test_part: FerDataset, tmp_path: Path
) -> None:
    five = replace(test_part.only(np.arange(5)), rows=np.arange(5))
    votes = write_rows(tmp_path / VOTES_FILE, five, [HAPPY, SAD, CONTEMPT, UNCLEAR, NO_FACE])
    crowd = crowd_agreement(answers(five, ["happy", "fear", "angry", "sad", "sad"]), five, votes)
    assert crowd
    assert (crowd.eight.count, crowd.eight.share) == (3, pytest.approx(1 / 3))
    assert (crowd.seven.count, crowd.seven.share) == (2, 0.5)  # without the one called contempt
    assert crowd.mild
    assert (crowd.mild.count, crowd.mild.share) == (1, 1.0)  # two of ten: no smile
    low, high = crowd.seven.interval95
    assert low < 0.5 < high
    in_its_words = tuple(OWN_WORDS.get(name, name) for name in FERPLUS_LABELS)
    for names in (FERPLUS_LABELS, in_its_words):
        order = [name for name in names if name != "contempt"] + ["contempt"]
        with_contempt = replace(five, label_names=tuple(order), labels=np.zeros(5, np.int64))
        said = answers(with_contempt, [names[1], names[3], "contempt", "fear", "fear"])
        crowd = crowd_agreement(said, with_contempt, votes)
        assert crowd
        assert (crowd.eight.share, crowd.seven.share) == (1.0, 1.0)


def test_other_classes_and_pictures_without_a_majority_are_not_compared(
    test_part: FerDataset, tmp_path: Path
) -> None:
    two = replace(test_part.only(np.arange(2)), rows=np.arange(2))
    votes = write_rows(tmp_path / VOTES_FILE, two, [UNCLEAR, NO_FACE])
    assert crowd_agreement(answers(two, ["sad", "sad"]), two, votes) is None
    own = replace(two, label_names=("wink", "yawn"), labels=np.zeros(2, np.int64))
    assert crowd_agreement(answers(own, ["wink", "yawn"]), own, votes) is None


def test_votes_beside_the_data_add_the_yardstick_to_a_benchmark(tmp_path: Path) -> None:
    dataset = drawn_dataset((1, 1, 2))
    data = save_npz(tmp_path / "fer2013.npz", dataset)
    pictures, nano = TestPictures(data), shipped_models()["fer-nano"]

    def crowd() -> dict[str, dict[str, float]] | None:
        done = run_benchmark([nano], pictures, None, Extent(quick=True), "fer-bench", print)
        assert Results.from_json(done.results.to_json()) == done.results
        said = side_by_side(done.results, ["fer-nano-int8"])
        found = done.results.models[0].evaluation
        assert found
        assert ("agreement with FER+'s majority" in said) == (found.crowd is not None)
        assert "fer-nano-int8" in results_table(done.results)
        return done.results.to_json()["models"][0]["crowd"]

    assert crowd() is None
    write_rows(tmp_path / VOTES_FILE, dataset, [HAPPY] * len(dataset))
    found = crowd()
    assert found
    assert found["eight"]["count"] == len(dataset.part("test"))
    write_rows(tmp_path / VOTES_FILE, dataset.part("test"), [HAPPY] * len(dataset.part("test")))
    assert crowd() is None  # the votes of other pictures
