import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.own_process import how_it_crashed
from fer_edge.inference import trial
from fer_edge.inference.models import load_model
from fer_edge.inference.trial import note_tried, try_model

needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    return tmp_path / "cache" / "fer-edge-kit" / "tried"


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a shell script run in place of the Python that tries a network."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def test_a_trial_tells_tensors_and_answers(nano: ModelBundle) -> None:
    told = try_model(nano.model, "nano")
    assert [(t.shape, t.dtype, t.quantization) for t in told.inputs] == [
        ((1, 48, 48, 1), "int8", (1 / 128, 0))
    ]
    assert len(told.answers) == trial.LOOKS
    assert all(sum(answer) == pytest.approx(1, abs=0.05) for answer in told.answers)
    assert len(set(told.answers)) > 1


def test_what_cannot_be_loaded_is_said(nano: ModelBundle) -> None:
    told = r"broken (does not run: .* cannot load it|crashes the runtime)"  # by the runtime
    with pytest.raises(FerError, match=told):
        try_model(nano.model[:5000], "broken")


def test_a_full_disk_for_temporary_files_is_said(
    nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FerError, match=r"cannot write .*: No space left") as refusal:
        try_model(nano.model, "nano")
    assert tempfile.gettempdir() in str(refusal.value)


@needs_a_shell
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -SEGV $$", r"crashes the runtime \(SIGSEGV\)"),
        ("kill -ABRT $$", r"crashes the runtime \(SIGABRT\)"),
        ("sleep 30", "does not answer within 1 seconds"),
        ("exit 3", "does not run: no reason given"),
        ("echo '{}'", "the trial of .* cannot be read"),
    ],
)
def test_a_network_that_crashes_takes_the_trial_alone(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    stand_in(tmp_path, monkeypatch, script)
    monkeypatch.setattr(trial, "LIMIT_SECONDS", 1)
    with pytest.raises(FerError, match=reason):
        try_model(nano.model, "it")


@needs_a_shell
def test_a_network_that_ran_once_is_not_tried_again(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    file = tmp_path / "mine.tflite"
    nano.save(file)
    with monkeypatch.context() as patched:
        stand_in(tmp_path, patched, "kill -SEGV $$")
        with pytest.raises(FerError, match=r"mine\.tflite crashes the runtime"):
            load_model(str(file))
        assert not cache.exists()
        load_model("fer-nano")  # shipped: never tried
    load_model(str(file))
    (mark,) = cache.iterdir()
    assert mark.name.startswith(ModelBundle.load(file).manifest.sha256)
    stand_in(tmp_path, monkeypatch, "kill -SEGV $$")
    assert load_model(str(file)).name == "fer-nano-int8"


def test_a_service_remembers_where_it_may_write(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    nano.save(tmp_path / "mine.tflite")
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'state'}:/elsewhere")
    monkeypatch.setattr(trial, "try_model", lambda model, name: None)
    load_model(str(tmp_path / "mine.tflite"))
    assert not cache.exists()
    (mark,) = (tmp_path / "state" / "tried").iterdir()
    assert mark.name.startswith(ModelBundle.load(tmp_path / "mine.tflite").manifest.sha256)


@needs_a_shell
def test_what_ran_here_while_it_was_made_is_not_tried(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    nano.save(tmp_path / "mine.tflite")
    note_tried(nano.model)
    stand_in(tmp_path, monkeypatch, "kill -SEGV $$")
    assert load_model(str(tmp_path / "mine.tflite")).model == nano.model


@pytest.mark.parametrize("place", ["/dev/null/nowhere", f"/tmp/{'long' * 100}"])
def test_without_a_place_to_remember_it_is_tried_every_time(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The system refuses to look into the second, as into another user's home."""
    monkeypatch.setenv("XDG_CACHE_HOME", place)
    nano.save(tmp_path / "mine.tflite")
    tried: list[str] = []
    monkeypatch.setattr(trial, "try_model", lambda model, name: tried.append(name))
    for _ in range(2):
        assert load_model(str(tmp_path / "mine.tflite")).name == "fer-nano-int8"
    assert len(tried) == 2


def test_what_ran_on_another_processor_is_tried(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """A home on NFS is that of computers with several processors."""
    nano.save(tmp_path / "mine.tflite")
    tried: list[str] = []
    monkeypatch.setattr(trial, "try_model", lambda model, name: tried.append(name))
    for machine in ("x86_64", "aarch64", "x86_64"):
        monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
        load_model(str(tmp_path / "mine.tflite"))
    assert len(tried) == len(list(cache.iterdir())) == 2


def test_a_strangers_module_where_the_user_stands_is_not_run(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("msgspec", "numpy", "random"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(9)"
        )
    monkeypatch.chdir(tmp_path)
    assert try_model(nano.model, "nano").answers
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux has them")
def test_a_trial_writes_no_file_and_takes_no_memory_without_end(tmp_path: Path) -> None:
    script = (
        "import sys; from fer_core.own_process import limit_this_process\n"
        "limit_this_process(2, 2**30)\n"
        "{}\n"
    )

    def tried(code: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script.format(code)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    written = tried("f = open('a', 'w'); f.write('x'); f.close()")
    assert written.returncode
    assert (tmp_path / "a").read_bytes() == b""
    assert "MemoryError" in tried("bytearray(2**31)").stderr
    assert how_it_crashed(tried("while True: pass").returncode) == "SIGXCPU"
