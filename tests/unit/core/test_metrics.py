import numpy as np
import pytest

from fer_core.metrics import (
    classification_report,
    confusion_matrix,
    expected_calibration_error,
    label_flips,
    mcnemar_exact,
    paired_difference,
    reliability,
    wilson_interval,
)


def random_case(seed: int, n: int = 500, k: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(k), n).astype(np.float32), rng.integers(0, k, n)


def test_wilson_interval_of_the_textbook() -> None:
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson_interval(0, 10)[0] == 0.0
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="trials"):
        wilson_interval(3, 0)


def test_confusion_rows_are_the_truth() -> None:
    matrix = confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]], np.float32)
    # Two at 0.9 of which one is right, one at 0.6 that is right: (2 * 0.4 + 1 * 0.4) / 3.
    error = expected_calibration_error(probabilities, np.array([0, 1, 1]))
    assert error == pytest.approx(0.4, abs=1e-6)


def test_a_class_that_never_occurs_costs_no_division_by_zero() -> None:
    report = classification_report(
        np.array([[0.6, 0.4, 0.0]], np.float32), np.array([0]), ("a", "b", "c")
    )
    assert report.f1.tolist() == [1.0, 0.0, 0.0]
    assert report.accuracy_interval95[1] == 1.0
    assert "accuracy 100.00%" in report.text()


@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_those_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    probabilities, truth = random_case(seed)
    report = classification_report(probabilities, truth, tuple("abcdefg"))
    predicted = probabilities.argmax(1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, zero_division=0
    )
    assert np.array_equal(report.confusion, metrics.confusion_matrix(truth, predicted))
    assert report.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert report.macro_f1 == pytest.approx(f1.mean())
    for ours, theirs in (
        (report.precision, precision),
        (report.recall, recall),
        (report.f1, f1),
        (report.support, support),
    ):
        assert np.allclose(ours, theirs)


def test_no_picture_is_no_report() -> None:
    with pytest.raises(ValueError, match="n > 0"):
        classification_report(np.empty((0, 2), np.float32), np.empty(0, np.int64), ("a", "b"))


def test_a_paired_difference_counts_only_the_pictures_that_changed() -> None:
    before = np.array([True] * 60 + [False] * 40)
    after = before.copy()
    after[:8], after[60:62] = False, True
    change, (low, high) = paired_difference(after, before)
    assert change == pytest.approx(-0.06)
    middle = -6 / 102
    spread = 1.959964 * np.sqrt((8 + 2 + 1) / 102 - middle**2) / np.sqrt(102)
    assert (low, high) == (pytest.approx(middle - spread), pytest.approx(middle + spread))
    with pytest.raises(ValueError, match="two equal vectors"):
        paired_difference(before, before[:5])


def test_a_paired_interval_of_few_pictures_is_no_certainty() -> None:
    same = np.ones(15, bool)
    change, (low, high) = paired_difference(same, same)
    assert change == 0
    assert -0.15 < low < -0.05
    assert high == -low
    rng, held = np.random.default_rng(4), 0
    for _ in range(500):  # 1 % won, 3 % lost, as int8 may do
        fate = rng.choice(3, 30, p=(0.96, 0.01, 0.03))
        low, high = paired_difference(fate != 2, fate != 1)[1]
        held += low <= -0.02 <= high
    assert held >= 0.93 * 500


def test_mcnemar_is_the_binomial_test_of_the_changes() -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    rng = np.random.default_rng(3)
    for share in (0.0, 0.02, 0.1, 0.5):
        before = rng.random(600) < 0.7
        after = before ^ (rng.random(600) < share)
        won, lost = int((after & ~before).sum()), int((before & ~after).sum())
        expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
        assert mcnemar_exact(after, before) == pytest.approx(expected)
    assert mcnemar_exact(np.ones(4000, bool), np.zeros(4000, bool)) == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(5))
def test_intervals_equal_those_of_scipy(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    rng = np.random.default_rng(seed)
    trials = int(rng.integers(1, 4000))
    successes = int(rng.integers(0, trials + 1))
    wilson = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((wilson.low, wilson.high))

    right, before = rng.random((2, 3589)) < [[0.68], [0.66]]
    change, interval = paired_difference(right, before)
    drawn = stats.bootstrap(
        (right.astype(float) - before,), np.mean, n_resamples=2000, method="percentile", rng=rng
    )
    ends = (drawn.confidence_interval.low, drawn.confidence_interval.high)
    assert interval == pytest.approx(ends, abs=0.002)
    assert change == pytest.approx(right.mean() - before.mean())


@pytest.mark.parametrize("seed", range(3))
def test_reliability_equals_that_of_scikit_learn(seed: int) -> None:
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is missing")
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(7, 0.4), 2000).astype(np.float32)
    confidence = probabilities.max(axis=1)
    right = rng.random(2000) < confidence**1.5
    found = reliability(probabilities, right)
    shares, means = calibration.calibration_curve(right, confidence, n_bins=15)
    assert [each.accuracy for each in found] == pytest.approx(shares)
    assert [each.confidence for each in found] == pytest.approx(means, abs=1e-5)
    assert sum(each.count for each in found) == 2000


@pytest.mark.parametrize("trials", [1, 3, 25, 299, 3589])
def test_an_interval_holds_its_own_share_and_stays_within_bounds(trials: int) -> None:
    for successes in (0, 1, trials // 2, trials):
        low, high = wilson_interval(successes, trials)
        assert 0 <= low <= successes / trials <= high <= 1
    right = np.array([True, True])
    _, (low, high) = paired_difference(right, np.array([True, False]))
    assert -1 <= low <= high <= 1


REPORT = classification_report(
    np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 1, 2]],
    np.array([0, 1, 1, 1, 0, 2]),
    ("anger", "joy", "fear", "none"),
)
"""Four of six right; nothing is of the last class."""


def test_means_are_those_of_the_classes_that_have_pictures() -> None:
    assert REPORT.confusion.tolist() == [[1, 1, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0] * 4]
    assert (REPORT.count, REPORT.correct) == (6, 4)
    assert REPORT.support.tolist() == [2, 3, 1, 0]
    assert REPORT.precision.tolist() == pytest.approx([1 / 2, 2 / 3, 1, 0])
    assert REPORT.recall.tolist() == pytest.approx([1 / 2, 2 / 3, 1, 0])
    assert REPORT.f1.tolist() == pytest.approx([1 / 2, 2 / 3, 1, 0])
    mean = (1 / 2 + 2 / 3 + 1) / 3
    assert REPORT.macro_f1 == REPORT.macro_recall == pytest.approx(mean)
    uneven = classification_report(
        np.eye(2, dtype=np.float32)[[0, 0, 0, 1]], np.array([0, 0, 1, 1]), ("a", "b")
    )
    assert uneven.macro_precision == pytest.approx((2 / 3 + 1) / 2)
    assert uneven.macro_recall == pytest.approx((1 + 1 / 2) / 2)
    assert uneven.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_a_report_as_json_and_as_text() -> None:
    told = REPORT.to_json()
    assert told["count"] == 6
    assert told["accuracy"] == pytest.approx(4 / 6)
    assert told["accuracy_interval95"] == list(wilson_interval(4, 6))
    assert told["macro_f1"] == REPORT.macro_f1
    assert told["ece"] == pytest.approx(1 / 3)  # all are sure
    assert told["confusion"] == REPORT.confusion.tolist()
    of_joy = {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3}
    assert told["per_class"]["joy"] == pytest.approx(of_joy)
    assert list(told["per_class"]) == ["anger", "joy", "fear", "none"]
    assert REPORT.text() == (
        "accuracy 66.67% (95 % interval 30.00% to 90.32%, n = 6), calibration error 33.33%\n"
        "macro-F1 72.22%, macro precision 72.22%, macro recall 72.22%\n\n"
        "class          precision    recall        F1  pictures\n"
        "anger              0.500     0.500     0.500         2\n"
        "joy                0.667     0.667     0.667         3\n"
        "fear               1.000     1.000     1.000         1\n"
        "none               0.000     0.000     0.000         0\n"
    )


def test_shapes_that_do_not_go_together_are_refused() -> None:
    two, three = np.zeros(2, np.int64), np.zeros(3, np.int64)
    with pytest.raises(ValueError, match="two equal vectors"):
        confusion_matrix(two, three, 2)
    with pytest.raises(ValueError, match="two equal vectors"):
        confusion_matrix(two.reshape(1, 2), two.reshape(1, 2), 2)
    for right in (np.zeros((1, 2), bool), np.zeros(0, bool)):
        with pytest.raises(ValueError, match="two equal vectors"):
            paired_difference(right, right)
    with pytest.raises(ValueError, match=r"need \(n, 3\) probabilities"):
        classification_report(np.zeros((2, 2), np.float32), two, ("a", "b", "c"))
    for successes, trials in ((-1, 5), (6, 5), (0, 0)):
        with pytest.raises(ValueError, match="0 <= successes <= trials"):
            wilson_interval(successes, trials)


def test_bins_hold_what_is_at_most_their_upper_end() -> None:
    shares = np.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0], [0.625, 0.375]], np.float32)
    found = reliability(shares, np.array([True, False, True, True]), bins=4)
    assert [each.count for each in found] == [1, 2, 1]  # up to 1/2, 3/4, 1
    assert [each.confidence for each in found] == [0.5, 0.6875, 1.0]
    assert [each.accuracy for each in found] == [1.0, 0.5, 1.0]
    truth = np.array([0, 1, 0, 0])
    error = (1 * 0.5 + 2 * 0.1875 + 0) / 4
    assert expected_calibration_error(shares, truth, bins=4) == pytest.approx(error)
    assert expected_calibration_error(shares, truth, bins=1) == pytest.approx(0.75 - 0.71875)


def test_flips_and_tosses_are_counted() -> None:
    one = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32)
    assert label_flips(one, one[:, ::-1]) == 3
    assert label_flips(one, one[[0, 2, 1]]) == 2
    right, before = np.array([True] * 3 + [False]), np.array([False] * 4)
    assert mcnemar_exact(right, before) == 0.25  # three of three: 2 / 8
    assert mcnemar_exact(before, right) == 0.25
    assert mcnemar_exact(right, right) == 1.0
    assert mcnemar_exact(np.array([True, False]), np.array([False, True])) == 1.0


def test_an_interval_of_another_width() -> None:
    assert wilson_interval(50, 100, z=1.0) == (
        pytest.approx(0.45025, abs=1e-5),
        pytest.approx(0.54975, abs=1e-5),
    )
    change, interval = paired_difference(np.array([True] * 2), np.array([False] * 2))
    assert (change, interval[1]) == (1.0, 1.0)
    assert interval[0] < 0  # two pictures say little


def test_a_difference_ends_where_shares_do() -> None:
    some, none = np.array([True, False]), np.array([False, False])
    assert paired_difference(none, some)[0] == -0.5
    change, (low, high) = paired_difference(np.zeros(9, bool), np.ones(9, bool))
    assert (change, low) == (-1.0, -1.0)
    middle = -9 / 11
    assert high == pytest.approx(middle + 1.959964 * np.sqrt(10 / 11 - middle**2) / np.sqrt(11))
    assert paired_difference(np.ones(9, bool), np.zeros(9, bool))[1][1] == 1.0
