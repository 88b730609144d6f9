"""A sweep with jobs that only write what a training writes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_core.errors import FerError
from fer_core.pools import Place
from fer_core.settings import load_settings, settings_toml
from fer_train.config import TrainConfig
from fer_train.jobs.pools import Cause, Ended, JobPool, Where
from fer_train.sweep import whole
from fer_train.sweep.budget import Budget
from fer_train.sweep.space import read_space
from fer_train.sweep.trial_job import TrialJob
from fer_train.sweep.whole import Request, sweep

SPACE = """
arch = "b"
epochs = 9
[learning_rate]
low = 0.001
high = 0.1
log = true
[rotation]
low = 0
high = 30
step = 10
[class_weights]
choices = [true, false]
"""


class QuickPool:
    """Two jobs at a time; each call of `outcomes` is an epoch of both."""

    def __init__(
        self,
        interrupted_at: int = 1_000,
        breaks: Callable[[int], bool] = bool,
        cause: Cause = Cause.TRAINING,
    ) -> None:
        self.running: dict[int, TrialJob] = {}
        self.begun: list[int] = []
        self.epochs, self.closed = 0, False
        self._interrupted_at = interrupted_at
        self._breaks, self._cause = breaks, cause

    @property
    def has_room(self) -> bool:
        return len(self.running) < 2

    @property
    def is_busy(self) -> bool:
        return bool(self.running)

    def submit(self, job: TrialJob) -> None:
        self.begun.append(job.number)
        self.running[job.number] = job

    def outcomes(self, seconds: float) -> list[Ended]:
        self.epochs += 1
        if self.epochs > self._interrupted_at:
            raise KeyboardInterrupt
        ended = [each for job in list(self.running.values()) for each in self._epoch(job)]
        for each in ended:
            del self.running[each.job.number]
        return ended

    def _epoch(self, job: TrialJob) -> list[Ended]:
        if self._breaks(job.number):
            return [Ended(job, "the loss is nan", self._cause)]
        settings = replace(job.config, precision="float32")  # as a training decides "auto"
        (job.out / "config.toml").write_text(settings_toml(settings))
        history = job.out / "history.csv"
        lines = history.read_text().splitlines() if history.exists() else ["epoch,val_accuracy"]
        best = round(0.5 + job.config.learning_rate, 4)
        lines.append(f"{len(lines)},{best - 0.1 / len(lines)}")
        history.write_text("\n".join(lines))
        if len(lines) <= job.config.epochs:
            return []
        (job.out / "metrics.json").write_text(json.dumps({"validation": {"accuracy": best}}))
        return [Ended(job)]

    def end(self, job: TrialJob) -> None:
        del self.running[job.number]

    def close(self) -> None:
        self.closed = True
        self.running.clear()


def never(number: int) -> bool:
    return False


@pytest.fixture
def request_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[JobPool], Request]:
    file = tmp_path / "space.toml"
    file.write_text(SPACE)
    data = str(save_npz(tmp_path / "drawn.npz", drawn_dataset((4, 3, 2))))

    def of(pool: JobPool) -> Request:
        monkeypatch.setattr(whole, "make_pool", lambda *words, **more: pool)
        space = read_space(file, None, {"data": data})
        return Request(space, tmp_path / "tried", Budget(12), Where(Place()), (3, 6))

    return of


def rows_of(request: Request) -> list[dict[str, str]]:
    with (request.out / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_of_one_trial_nothing_was_chosen(request_of: Callable[[JobPool], Request]) -> None:
    request = replace(request_of(QuickPool(breaks=never)), budget=Budget(1))
    report = sweep(request, print)
    assert "1 trial (1 complete, 0 pruned, 0 failed)" in report
    assert "Nothing was chosen: one trial." in report
    assert "binomial" not in report


def test_the_best_settings_are_left_as_toml_and_bad_trials_are_pruned(
    request_of: Callable[[JobPool], Request],
) -> None:
    request = request_of(pool := QuickPool(breaks=never))
    said: list[str] = []
    report = sweep(request, said.append)
    rows = rows_of(request)
    assert [row["trial"] for row in rows] == [str(number) for number in range(12)]
    pruned = [row for row in rows if row["state"] == "pruned"]
    complete = [row for row in rows if row["state"] == "complete"]
    assert pruned
    assert len(pruned) + len(complete) == 12
    assert {row["why"] for row in pruned} <= {"pruned after epoch 3", "pruned after epoch 6"}
    best = max(complete, key=lambda row: float(row["accuracy"]))
    assert float(best["accuracy"]) == max(float(row["accuracy"]) for row in rows)
    config = load_settings(TrainConfig, request.out / "best.toml", {})
    assert config.learning_rate == float(best["learning_rate"])
    assert (config.rotation, config.epochs) == (float(best["rotation"]), 9)
    assert str(config.class_weights) == best["class_weights"]
    assert f"12 trials ({len(complete)} complete, {len(pruned)} pruned, 0 failed)" in report
    assert "The best was chosen from 12 trials by 21 validation pictures" in report
    assert "the expected maximum of 12 binomial estimates" in report
    assert f"share in the variance of accuracy, by {len(complete)} complete trials: " in report
    assert cv2.imread(str(request.out / "importances.png")) is not None
    assert (request.out / "report.txt").read_text() == report
    assert pool.closed


def test_an_interrupted_sweep_goes_on_with_the_trials_that_ran(
    request_of: Callable[[JobPool], Request],
) -> None:
    request = request_of(first := QuickPool(interrupted_at=13, breaks=never))
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        sweep(request, said.append)
    assert "the same command continues" in said[-1]
    done = {int(row["trial"]) for row in rows_of(request)}
    left = sorted(set(first.begun) - done)
    assert len(left) == 2
    values = {row["trial"]: row for row in rows_of(request)}
    sweep(request_of(second := QuickPool(breaks=never)), said.append)
    assert second.begun[:2] == left
    assert not done & set(second.begun)
    rows = rows_of(request)
    assert sorted(int(row["trial"]) for row in rows) == list(range(12))
    assert {row["trial"]: row for row in rows if int(row["trial"]) in done} == values
    assert len({row["learning_rate"] for row in rows}) == 12  # no value is drawn a second time
    epochs = (request.out / "trials" / f"{left[0]:04d}" / "history.csv").read_text().split()
    assert len(epochs) <= 10  # the heading, and no epoch twice


def test_a_folder_that_was_moved_goes_on(request_of: Callable[[JobPool], Request]) -> None:
    request = request_of(first := QuickPool(interrupted_at=13, breaks=never))
    with pytest.raises(KeyboardInterrupt):
        sweep(request, lambda line: None)
    done = {int(row["trial"]) for row in rows_of(request)}
    moved = request.out.rename(request.out.with_name("moved"))
    sweep(replace(request_of(second := QuickPool(breaks=never)), out=moved), lambda line: None)
    assert second.begun[:2] == sorted(set(first.begun) - done)
    assert not done & set(second.begun)


def test_two_sweeps_of_one_name_share_a_database_but_no_trial(
    request_of: Callable[[JobPool], Request], tmp_path: Path
) -> None:
    shared = f"sqlite:///{tmp_path / 'shared.db'}"
    for owner in ("ada", "bob"):
        request = request_of(pool := QuickPool(breaks=never))
        sweep(replace(request, out=tmp_path / owner / "space", storage=shared), lambda line: None)
        assert sorted(pool.begun) == list(range(12))


def test_no_trial_goes_on_in_a_folder_of_other_settings(
    request_of: Callable[[JobPool], Request],
) -> None:
    request = request_of(QuickPool(breaks=never))
    sweep(request, lambda line: None)
    (request.out / "sweep.db").unlink()
    request.space.file.write_text(SPACE.replace("0.1", "0.2"))
    space = read_space(request.space.file, None, {"data": request.space.fixed["data"]})
    again = replace(request_of(pool := QuickPool(breaks=never)), space=space)
    with pytest.raises(FerError, match=r"0000 holds the training of another sweep \(learning_rate"):
        sweep(again, lambda line: None)
    assert pool.begun == []
    assert pool.closed


def test_a_broken_trial_ends_neither_the_sweep_nor_the_search(
    request_of: Callable[[JobPool], Request],
) -> None:
    request = request_of(QuickPool(breaks=lambda number: number in (0, 5)))
    report = sweep(request, lambda line: None)
    rows = rows_of(request)
    assert len(rows) == 12
    failed = [
        (row["trial"], row["accuracy"], row["why"]) for row in rows if row["why"][:3] == "the"
    ]
    assert failed == [("0", "", "the loss is nan"), ("5", "", "the loss is nan")]
    assert "The best was chosen from 10 trials" in report


@pytest.mark.parametrize("cause", [Cause.STORAGE, Cause.KILLED])
def test_a_trial_that_the_computer_stops_goes_on_with_the_next_call(
    request_of: Callable[[JobPool], Request], cause: Cause
) -> None:
    stopping = QuickPool(breaks=lambda number: number in (2, 7), cause=cause)
    request = request_of(stopping)
    sweep(request, lambda line: None)
    assert sorted(stopping.begun) == list(range(12))  # they count for the budget
    assert {row["trial"] for row in rows_of(request)} == {str(n) for n in range(12)} - {"2", "7"}
    sweep(request_of(pool := QuickPool(breaks=never)), lambda line: None)
    assert pool.begun == [2, 7]
    rows = rows_of(request)
    assert len(rows) == 12
    assert "failed" not in {row["state"] for row in rows}


def test_a_full_disk_ends_the_call_and_costs_no_trial(
    request_of: Callable[[JobPool], Request],
) -> None:
    for _ in range(4):
        full = QuickPool(breaks=lambda number: number >= 4, cause=Cause.STORAGE)
        request = request_of(full)
        with pytest.raises(FerError, match=r"3 trials stopped .* Nothing is lost"):
            sweep(request, lambda line: None)
        assert full.closed
    sweep(request_of(QuickPool(breaks=never)), lambda line: None)
    assert sorted(int(row["trial"]) for row in rows_of(request)) == list(range(12))
    assert "failed" not in {row["state"] for row in rows_of(request)}


def test_a_trial_that_fails_late_has_no_accuracy(request_of: Callable[[JobPool], Request]) -> None:
    pool = QuickPool(breaks=lambda number: number == 0 and pool.epochs > 4)
    request = request_of(pool)
    report = sweep(request, lambda line: None)
    (failed,) = (row for row in rows_of(request) if row["state"] == "failed")
    assert (failed["trial"], failed["accuracy"]) == ("0", "")
    assert "The best was chosen from 11 trials" in report


def test_a_trial_that_is_killed_every_time_has_failed(
    request_of: Callable[[JobPool], Request],
) -> None:
    for _ in range(3):
        killing = QuickPool(breaks=lambda number: number == 3, cause=Cause.KILLED)
        request = request_of(killing)
        sweep(request, lambda line: None)
    rows = rows_of(request)
    assert len(rows) == 12
    assert [row["trial"] for row in rows if row["state"] == "failed"] == ["3"]


def test_pictures_that_are_gone_cost_no_trial(request_of: Callable[[JobPool], Request]) -> None:
    request = request_of(QuickPool(breaks=never))
    data = Path(str(request.space.fixed["data"]))
    gone = data.with_name("gone.npz")

    def unmounted(number: int) -> bool:
        if number == 4 and data.exists():
            data.rename(gone)
        return number >= 4

    request_of(QuickPool(breaks=unmounted))
    gone_or_not = data.read_bytes()
    with pytest.raises(FerError, match="3 trials stopped"):
        sweep(request, lambda line: None)
    data.write_bytes(gone_or_not)
    sweep(request_of(QuickPool(breaks=never)), lambda line: None)
    assert [row["state"] for row in rows_of(request)].count("failed") == 0


def test_settings_that_never_work_end_the_sweep(request_of: Callable[[JobPool], Request]) -> None:
    request = request_of(pool := QuickPool(breaks=lambda number: True))
    with pytest.raises(FerError, match="all 5 trials failed so far, the last one because: the lo"):
        sweep(request, lambda line: None)
    assert pool.closed


def test_settings_that_do_not_go_together_are_a_failed_trial(
    request_of: Callable[[JobPool], Request],
) -> None:
    request = request_of(QuickPool(breaks=never))
    file = request.space.file
    file.write_text(SPACE + "[balance]\nchoices = [0.0, 0.5]\n")
    space = read_space(file, None, {"data": request.space.fixed["data"]})
    sweep(replace(request, space=space), lambda line: None)
    failed = [row for row in rows_of(request) if row["state"] == "failed"]
    assert failed
    assert all((row["class_weights"], row["balance"]) == ("True", "0.5") for row in failed)
    assert {row["why"] for row in failed} == {
        "class_weights and balance do the same twice: leave one out"
    }


def test_another_space_needs_another_folder(request_of: Callable[[JobPool], Request]) -> None:
    request = request_of(QuickPool(breaks=never))
    sweep(request, lambda line: None)
    request.space.file.write_text(SPACE.replace("0.1", "0.2"))
    space = read_space(request.space.file, None, {"data": request.space.fixed["data"]})
    with pytest.raises(FerError, match=r"(?s)begun with other settings.*- .*high=0.1.*\+ .*high"):
        sweep(replace(request, space=space), lambda line: None)


def test_a_sweep_of_a_version_with_fewer_settings_goes_on(
    request_of: Callable[[JobPool], Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_newest(settings: object) -> str:
        return re.sub(r"held_out = .*\n", "", settings_toml(settings))

    with monkeypatch.context() as patch:
        patch.setattr("fer_train.sweep.study.settings_toml", without_newest)
        sweep(request_of(QuickPool(breaks=never)), lambda line: None)
    sweep(request_of(QuickPool(breaks=never)), lambda line: None)


@pytest.mark.parametrize("changed", ["labels", "split"])
def test_a_sweep_does_not_go_on_with_other_pictures(
    request_of: Callable[[JobPool], Request], changed: str
) -> None:
    first = request_of(QuickPool(breaks=never))
    sweep(first, lambda line: None)
    again = request_of(pool := QuickPool(breaks=never))
    sweep(again, lambda line: None)  # the same pictures, written once more
    faces = drawn_dataset((4, 3, 2))
    values = getattr(faces, changed).copy()
    values[[0, -15]] = values[[-15, 0]]  # a training and a validation picture
    save_npz(Path(str(again.space.fixed["data"])), replace(faces, **{changed: values}))
    with pytest.raises(FerError, match=r"have changed since the sweep .*tried began; choose anot"):
        sweep(replace(again, budget=Budget(13)), lambda line: None)
    assert pool.begun == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("trials", "--storage takes a database as SQLAlchemy names it"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("oracle+oracledb://me:secret@host/x", r"oracledb://me:\*\*\*@host/x needs a package"),
    ],
)
def test_a_storage_that_cannot_be_used_is_named_without_its_password(
    request_of: Callable[[JobPool], Request], url: str, words: str
) -> None:
    request = replace(request_of(QuickPool(breaks=never)), storage=url)
    with pytest.raises(FerError, match=words) as raised:
        sweep(request, lambda line: None)
    assert "secret" not in str(raised.value)
