"""SPACE.toml: what it may say, and the words for what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import call_here
from fer_core.errors import ArgumentError, FerError
from fer_train.shipped import shipped
from fer_train.sweep.budget import read_budget
from fer_train.sweep.chance import expected_gain
from fer_train.sweep.cli import prune_epochs
from fer_train.sweep.space import Space, read_space

RATE = "[learning_rate]\nlow = 0.01\nhigh = 0.3\nlog = true\n"


def space_of(tmp_path: Path, text: str) -> Space:
    file = tmp_path / "space.toml"
    file.write_text(text)
    return read_space(file, None, {})


def test_plain_keys_are_the_same_in_all_trials_and_tables_are_tried(tmp_path: Path) -> None:
    text = 'arch = "b"\ndata = "faces"\nepochs = 7\n' + RATE
    text += '[batch_size]\nchoices = [32, 64]\n[optimizer]\nchoices = ["sgd", "adam"]\n'
    space = space_of(tmp_path, text)
    assert [setting.name for setting in space.settings] == [
        "learning_rate",
        "batch_size",
        "optimizer",
    ]
    config = space.trial_config({"learning_rate": 0.02, "batch_size": 64, "optimizer": "sgd"})
    assert (config.arch, config.epochs, config.data) == ("b-plain", 7, str(tmp_path / "faces"))
    assert (config.learning_rate, config.batch_size, config.optimizer) == (0.02, 64, "sgd")


def test_each_architecture_that_is_tried_has_its_own_settings(tmp_path: Path) -> None:
    space = space_of(tmp_path, '[arch]\nchoices = ["b", "fer-nano"]\n')
    assert space.trial_config({"arch": "b"}).optimizer == "adam"
    assert space.trial_config({"arch": "fer-nano"}).optimizer == "sgd"


def test_the_command_line_wins(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text('arch = "b"\nepochs = 7\n' + RATE)
    assert read_space(file, None, {"epochs": 3, "arch": None}).trial_config({}).epochs == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = 3\n", r"tries nothing: it needs a table for each setting"),
        ("[learnig_rate]\nlow = 1\nhigh = 2\n", r"'learnig_rate'; the nearest one is 'learning_r"),
        ("[learning_rate]\nlow = 0.1\n", r"\[learning_rate\] needs high, or choices"),
        ("[learning_rate]\nlow = 0.1\nhigh = 0.1\n", r"low below its high, got 0.1 and 0.1"),
        ("[learning_rate]\nlow = 0\nhigh = 0.1\nlog = true\n", r"log = true needs a low above 0"),
        ("[learning_rate]\nlow = 0.1\nhigh = 20\n", r"\[learning_rate\] high 20: learning_rate mu"),
        ("[learning_rate]\nlow = 0\nhigh = 1\nstep = 0.3\n", r"step must divide .* got 0.3"),
        ("[learning_rate]\nlow = 0\nhigh = 1\nstep = 0.4\n", r"step must divide .* got 0.4"),
        ("[learning_rate]\nlow = 0\nhigh = 1\nstep = 3\n", r"step must divide .* got 3"),
        ("[learning_rate]\nmin = 0\n", r"\[learning_rate\] has 'min'; allowed are choices, or low"),
        ("[epochs]\nlow = 1.5\nhigh = 3\n", r"\[epochs\] low must be a whole number, got 1.5"),
        ("[batch_size]\nchoices = [32, '64']\n", r"\[batch_size\] choices must be a whole numb"),
        ("[batch_size]\nchoices = [32, 32]\n", r"\[batch_size\] choices: 32 is there twice"),
        ("[batch_size]\nchoices = 32\n", r"\[batch_size\] choices must be a list of values"),
        ("[optimizer]\nchoices = ['sgd', 'adagrad']\n", r"\[optimizer\] choice 'adagrad': opti"),
        ("[optimizer]\nlow = 1\nhigh = 2\n", r"\[optimizer\] needs choices"),
        ("[seed]\nlow = 1\nhigh = 9\n", r"\[seed\] cannot be tried: that would choose among draws"),
        ("[split_seed]\nlow = 1\nhigh = 9\n", r"\[split_seed\] cannot be tried: all trials need"),
        ("[held_out]\nchoices = ['a.npz']\n", r"\[held_out\] cannot be tried: all trials need"),
        ("[without]\nchoices = ['disgust']\n", r"\[without\] cannot be tried: all trials need"),
        ("[init_weight]\nlow = 0.1\nhigh = 0.9\n", r"\[init_weight\] cannot be tried: accuracy"),
        ("epochs = '3'\n" + RATE, r"epochs must be a whole number, got '3'"),
    ],
)
def test_what_is_wrong_is_named_with_its_key_and_value(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(FerError, match=words):
        space_of(tmp_path, text)


def test_networks_to_start_from_that_were_judged_by_different_pictures_are_not_tried(
    tmp_path: Path,
) -> None:
    for seed in (4, 5):
        run = tmp_path / f"run-{seed}"
        run.mkdir()
        shutil.copy(shipped("results") / "fer-nano" / "model.keras", run)
        (run / "config.toml").write_text(f'data = "{tmp_path / "faces"}"\nseed = {seed}\n')
    text = "data = 'faces'\n[init]\nchoices = ['run-4', 'run-5']\n"
    with pytest.raises(
        FerError, match=r"\[init\] choice '.*run-4': all trials need the same valid"
    ):
        space_of(tmp_path, text)
    with pytest.raises(
        FerError, match=r"\[init\] choice '.*run-5': all trials need the same valid"
    ):
        space_of(tmp_path, "split_seed = 4\n" + text)
    space_of(tmp_path, text.replace("'faces'", "'others'"))


@pytest.mark.parametrize(("low", "high", "step"), [(0.1, 0.3, 0.1), (0.1, 0.4, 0.1), (0, 1, 0.2)])
def test_steps_that_are_no_exact_binary_numbers_divide_a_range(
    tmp_path: Path, low: float, high: float, step: float
) -> None:
    text = f"[learning_rate]\nlow = {low}\nhigh = {high}\nstep = {step}\n"
    assert space_of(tmp_path, text).settings[0].step == step


def test_budgets_and_pruning_epochs() -> None:
    assert read_budget("40").trials == 40
    assert read_budget("1.5h").seconds == 5400
    assert read_budget("90min").seconds == 5400
    assert not read_budget("40").allows(40)
    for wrong in ("0", "2.5", "soon", "-3", "3d"):
        with pytest.raises(ArgumentError, match="number of trials, or a time"):
            read_budget(wrong)
    assert prune_epochs("", 90) == (10, 30)
    assert prune_epochs("30, 10", 90) == (10, 30)
    assert prune_epochs("never", 90) == ()
    for wrong in ("early", "0", "10,0", "10, 0", "00, 10", "10,"):
        with pytest.raises(ArgumentError, match="give epochs such as 10,30"):
            prune_epochs(wrong, 90)


def test_what_choosing_is_worth_by_chance() -> None:
    assert expected_gain(1, 0.7, 3589) == pytest.approx(0, abs=1e-12)
    # Two fair coins, one throw each: heads at least once in three of four cases.
    assert expected_gain(2, 0.5, 1) == pytest.approx(0.25)
    # 1.867 standard deviations: the expected maximum of 20 normal values (Harter, 1961).
    deviation = (0.7 * 0.3 / 3589) ** 0.5
    assert expected_gain(20, 0.7, 3589) == pytest.approx(1.867 * deviation, rel=0.02)


def test_what_cannot_train_is_refused_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text('arch = "b"\n' + RATE)
    for on, words in (
        ("local:0", "--on local:N takes 1 to 1024 at a time, got 0"),
        ("cluster", "--on must be local, local:N, ray or ray://HEAD:PORT, got 'cluster'"),
    ):
        options = ("--data", "faces.npz", "--on", on)
        done = call_here("fer-train", "sweep", "space.toml", *options, cwd=tmp_path, code=2)
        assert words in done.stderr
    assert not (tmp_path / "sweeps").exists()
    done = call_here("fer-train", "folds", cwd=tmp_path, code=2)
    assert "say how many folds: fer-train folds 5" in done.stderr
