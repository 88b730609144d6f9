import os
import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import pytest

from fer_core import leftovers
from fer_core.errors import BusyError, FerError
from fer_core.files import write_text
from fer_core.locks import LOCK, alone_in, is_held

HOLD = """
import sys, time
from pathlib import Path
from fer_core.files import written_beside
from fer_core.locks import alone_in
with alone_in(Path(sys.argv[1]), "a test"), written_beside(Path(sys.argv[1], "a.txt")) as beside:
    beside.write_text("half")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the folder and is in the midst of writing a.txt."""
    running = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "held\n"
    yield running
    running.kill()
    running.communicate()


def test_a_second_process_is_refused_by_the_firsts_name(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with (
        pytest.raises(FerError, match=rf"^a test is writing .* \(process {holder.pid}\)"),
        alone_in(tmp_path, "another test"),
    ):
        pytest.fail("two processes write into one folder")


def test_a_killed_process_holds_nothing_and_leaves_nothing(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    (left,) = tmp_path.glob(".a.*")
    leftovers._LOOKED_AT.clear()
    write_text(tmp_path / "b.txt", "x")
    assert left.exists()  # it is being written
    holder.kill()
    holder.wait()
    leftovers._LOOKED_AT.clear()
    with alone_in(tmp_path, "a test"):
        write_text(tmp_path / "b.txt", "y")
    assert not left.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def left_by(process: int | str, *changed: str) -> str:
    """Return the name of an unfinished file, in which some numbers are another computer's."""
    numbers = {
        "computer": leftovers._this_computer(),
        "boot": leftovers._this_boot(),
        "space": leftovers._this_process_space(),
    }
    told = "-".join(str(number ^ (name in changed)) for name, number in numbers.items())
    return f".a.fer-unfinished-{told}-{process}-12345678.txt"


@pytest.fixture(scope="module")
def dead() -> str:
    """The number of a process that has ended."""
    return subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()


def test_hidden_files_of_others_stay(tmp_path: Path, dead: str) -> None:
    elsewhere, contained = left_by(dead, "computer", "boot"), left_by(dead, "space")
    names = (".a-12345678.txt", ".fer-unfinished-x", elsewhere, contained)
    others = [tmp_path / name for name in names]
    ours = tmp_path / left_by(dead)
    for path in (*others, ours):
        path.write_text("left")
        os.utime(path, (0, 0))
    leftovers._LOOKED_AT.clear()
    write_text(tmp_path / "a.txt", "x")
    assert all(path.exists() for path in others)
    assert not ours.exists()
    ours.write_text("left")
    write_text(tmp_path / "a.txt", "y")  # thousands of pictures are written into one folder
    assert ours.exists()


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(), reason="Linux tells boots"
)
def test_what_a_power_cut_left_goes_with_the_first_write_after_it(tmp_path: Path) -> None:
    left, of_a_clone = (
        tmp_path / left_by(os.getpid(), "boot", *other) for other in ((), ("space",))
    )
    for path in (left, of_a_clone):
        path.write_text("left")
    os.utime(left, (0, leftovers._booted_at() - 1))
    leftovers._LOOKED_AT.clear()
    write_text(tmp_path / "a.txt", "x")
    assert not left.exists()  # though a process of that number lives again
    assert of_a_clone.exists()  # written since this computer booted: not by one of before


def test_a_lock_that_is_free_soon_is_waited_for(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    assert is_held(tmp_path, LOCK)
    with (
        pytest.raises(BusyError, match="wait for it, then try again"),
        alone_in(tmp_path, "a test", "wait for it, then try again", seconds=0.1),
    ):
        pytest.fail("two processes write into one folder")
    ending = threading.Timer(0.2, holder.kill)
    ending.start()
    with alone_in(tmp_path, "a test", seconds=20):
        assert is_held(tmp_path, LOCK)  # by this process
    assert not is_held(tmp_path, LOCK)
    assert not (tmp_path / LOCK).exists()
    ending.join()


def test_a_full_disk_is_said_with_the_folder(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    with (
        mock.patch.object(Path, "write_text", side_effect=full),
        pytest.raises(FerError, match="No space left") as raised,
        alone_in(tmp_path, "a test"),
    ):
        pytest.fail("nothing is locked")
    assert str(raised.value) == f"cannot write into {tmp_path}: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_free_again_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mishap"), alone_in(tmp_path, "a test"):
        raise ValueError("mishap")
    assert list(tmp_path.iterdir()) == []
