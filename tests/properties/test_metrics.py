"""Figures of accuracy, against plain ways to count them."""

from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fer_core.metrics import (
    classification_report,
    confusion_matrix,
    label_flips,
    mcnemar_exact,
    paired_difference,
    reliability,
    wilson_interval,
)

RIGHT = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_an_interval_holds_its_share_and_narrows_with_more_trials(trials: int, part: float) -> None:
    successes = int(trials * part)
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    more_low, more_high = wilson_interval(successes * 4, trials * 4)
    assert more_high - more_low <= (high - low) * (1 + 1e-9)
    mirrored = wilson_interval(trials - successes, trials)
    assert math.isclose(mirrored[0], 1 - high, abs_tol=1e-9)


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    classes = draw(st.integers(2, 6))
    truth = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=50))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shares = rng.dirichlet(np.full(classes, draw(st.sampled_from([0.05, 1.0]))), len(truth))
    return np.asarray(shares, np.float32), np.array(truth, np.int64)


@given(answers())
def test_a_report_counts_what_was_answered(found: tuple[np.ndarray, np.ndarray]) -> None:
    shares, truth = found
    classes, predicted = shares.shape[1], shares.argmax(axis=1)
    report = classification_report(shares, truth, tuple(map(str, range(classes))))
    assert report.accuracy == np.mean(predicted == truth)
    for each in range(classes):
        hits = int(((predicted == each) & (truth == each)).sum())
        named, there = int((predicted == each).sum()), int((truth == each).sum())
        assert report.precision[each] == (hits / named if named else 0)
        assert report.recall[each] == (hits / there if there else 0)
        both = named + there
        assert math.isclose(report.f1[each], 2 * hits / both if both else 0, abs_tol=1e-12)
    assert 0 <= report.ece <= 1
    assert 0 <= report.macro_f1 <= 1
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["count"] == len(truth)
    assert report.text()


@given(answers())
def test_each_answer_lies_in_one_bin(found: tuple[np.ndarray, np.ndarray]) -> None:
    shares, truth = found
    bins = reliability(shares, shares.argmax(axis=1) == truth)
    assert sum(each.count for each in bins) == len(truth)
    assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)


@given(answers(), st.randoms(use_true_random=False))
def test_the_order_of_the_pictures_does_not_matter(
    found: tuple[np.ndarray, np.ndarray], chance: object
) -> None:
    shares, truth = found
    order = list(range(len(truth)))
    chance.shuffle(order)  # type: ignore[attr-defined]  # a random.Random
    predicted, classes = shares.argmax(axis=1).astype(np.int64), shares.shape[1]
    one = confusion_matrix(truth, predicted, classes)
    assert np.array_equal(one, confusion_matrix(truth[order], predicted[order], classes))
    assert label_flips(shares, shares) == 0


@given(RIGHT)
def test_a_paired_difference_is_that_of_the_shares(pairs: list[tuple[bool, bool]]) -> None:
    now, before = (np.array(each) for each in zip(*pairs, strict=True))
    mean, (low, high) = paired_difference(now, before)
    assert math.isclose(mean, now.mean() - before.mean(), abs_tol=1e-12)
    assert -1 <= low <= mean <= high <= 1
    back, _ = paired_difference(before, now)
    assert math.isclose(back, -mean, abs_tol=1e-12)


@given(RIGHT)
def test_the_exact_test_gives_a_probability_that_does_not_depend_on_the_side(
    pairs: list[tuple[bool, bool]],
) -> None:
    now, before = (np.array(each) for each in zip(*pairs, strict=True))
    p = mcnemar_exact(now, before)
    assert 0 < p <= 1
    assert p == mcnemar_exact(before, now)
    won, lost = int((now & ~before).sum()), int((before & ~now).sum())
    extreme = [k for k in range(won + lost + 1) if abs(2 * k - won - lost) >= abs(won - lost)]
    exact = sum(math.comb(won + lost, k) for k in extreme) / 2 ** (won + lost)
    assert math.isclose(p, exact, rel_tol=1e-9)
