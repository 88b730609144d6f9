import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from commands import call_here
from fer_core.errors import ArgumentError, FerError
from fer_train import devices
from fer_train.alike import require_alike
from fer_train.devices import ONE_DEVICE, Devices, chosen_devices, prepare_devices

THREE = Devices(("gpu:0", "gpu:1", "gpu:2"))


@pytest.mark.parametrize(
    ("pictures", "advice"),
    [
        (64, "--batch-size 63 or 66 can, or --devices 1 or 2"),
        (2, "--batch-size 3 can, or --devices 1 or 2"),
        (25, "--batch-size 24 or 27 can, or --devices 1"),
    ],
)
def test_a_batch_that_cannot_be_divided_is_refused_with_what_can(
    pictures: int, advice: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        THREE.require_parts(pictures)
    assert str(refused.value).endswith(f"equally among 3 devices: {advice}")
    THREE.require_parts(63)
    ONE_DEVICE.require_parts(pictures)


def test_processes_take_each_picture_of_a_batch_once() -> None:
    names = tuple(f"gpu:{i}" for i in range(4))
    rows = [Devices(names, 4, process).rows(12) for process in range(4)]
    assert [i for part in rows for i in range(12)[part]] == list(range(12))
    assert range(12)[THREE.rows(12)] == range(12)


def test_only_the_first_process_has_the_run_folder(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(b"begun")
    with Devices(("gpu:0", "gpu:1"), 2, 0).folder(tmp_path) as own:
        assert own == tmp_path
    with Devices(("gpu:0", "gpu:1"), 2, 1).folder(tmp_path) as own:
        assert [path.read_bytes() for path in own.iterdir()] == [b"begun"]
        (own / "checkpoint.npz").write_bytes(b"another")
    assert (tmp_path / "checkpoint.npz").read_bytes() == b"begun"
    assert not own.exists()


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([[7, 5], [7, 5]], ""),
        ([[7, 5], [7, 6]], "process 1 of 2 begins with other weights than process 0"),
        ([[7, 5], [8, 6]], "process 1 of 2 begins with other settings than process 0"),
    ],
)
def test_processes_that_begin_with_other_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch, others: list[list[int]], words: str
) -> None:
    sent: list[list[int]] = []

    def gathered(facts: np.ndarray) -> np.ndarray:
        sent.append(facts.tolist())
        return np.array(others, np.uint32)

    utils = SimpleNamespace(process_allgather=gathered)
    monkeypatch.setitem(sys.modules, "jax.experimental.multihost_utils", utils)
    facts = {"settings": 7, "weights": 5}
    for process in (0, 1):
        many = Devices(("gpu:0", "gpu:1"), 2, process)
        with pytest.raises(FerError, match=words) if words else nullcontext():
            require_alike(many, facts)
    assert sent == [[7, 5], [7, 5]]


@pytest.mark.parametrize("asked", ["0", "-1", "some", "1.5", ""])
def test_devices_are_all_or_a_number(asked: str) -> None:
    with pytest.raises(ArgumentError, match="--devices takes all or a number from 1"):
        prepare_devices(asked, folds=0, say=print)


def test_devices_need_jax_and_a_single_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    prepare_devices("1", folds=5, say=print)
    assert "KERAS_BACKEND" not in devices.os.environ
    with pytest.raises(
        FerError, match=r"needs JAX, .* pip install '\.\[train-gpu,edge-headless\]'"
    ):
        prepare_devices("all", folds=0, say=print)
    with pytest.raises(ArgumentError, match="leave it out with --folds"):
        prepare_devices("2", folds=5, say=print)
    monkeypatch.setattr(devices, "find_spec", lambda name: object())
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(FerError, match=r"\$KERAS_BACKEND says torch: unset KERAS_BACKEND"):
        prepare_devices("all", folds=0, say=print)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    with pytest.raises(ArgumentError, match="all their devices: --devices all"):
        prepare_devices("2", folds=0, say=print)


def test_the_devices_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = SimpleNamespace(process_count=lambda: 1, process_index=lambda: 0)
    monkeypatch.setitem(sys.modules, "jax", jax)
    there = ["gpu:0", "gpu:1", "gpu:2"]
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: there)
    said: list[str] = []
    assert chosen_devices("all", said.append) == THREE
    assert chosen_devices("2", said.append).names == ("gpu:0", "gpu:1")
    with pytest.raises(ArgumentError, match="--devices 4: there are only 3, gpu:0, gpu:1, gpu:2"):
        chosen_devices("4", said.append)
    assert said == []
    del there[1:]
    assert chosen_devices("all", said.append) == ONE_DEVICE
    assert said == ["--devices all: there is only one device (gpu:0), so it trains alone"]


def test_the_command_refuses_devices_before_it_reads_pictures(tmp_path: Path) -> None:
    done = call_here("fer-train", "--devices", "none", "--data", "absent", cwd=tmp_path, code=2)
    assert "--devices takes all or a number from 1, got 'none'" in done.stderr
    assert list(tmp_path.iterdir()) == []
