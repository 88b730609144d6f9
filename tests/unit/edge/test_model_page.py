"""A model that is sent to the page: taken, or refused with its reason and nothing changed."""

from __future__ import annotations

import errno
import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from commands import call_here
from fer_core.bundle import MOST_MODEL_BYTES, ModelBundle
from fer_edge.deployment import intake
from fer_edge.deployment.folder import STATE_FILE, ModelFolder
from fer_edge.deployment.state import ON_TRIAL, DeploymentState, Held
from fer_edge.inference.models import ModelFacts
from new_models import constant, renamed
from served_page import LABELS, TOKEN, Served

KEY = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ModelFolder]:
    """The folder of a run, which has it."""
    folder = ModelFolder(tmp_path / "models")
    with folder.held_by_this_run():
        yield folder


@pytest.fixture
def page(folder: ModelFolder) -> Iterator[Served]:
    served = Served(TOKEN, models=folder)
    with served.server:
        yield served


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what is a bundle without running it, which takes a second of processor time."""
    monkeypatch.setattr(intake.ModelIntake.__init__, "__defaults__", (ModelBundle.load,))


def read(answer: HTTPResponse) -> tuple[int, dict[str, Any]]:
    return answer.status, json.loads(answer.read())


def files(folder: ModelFolder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir() if path.name[0] != ".")


def test_a_bundle_is_checked_stored_and_put_on_trial(
    page: Served, folder: ModelFolder, nano: ModelBundle
) -> None:
    mine = renamed(nano, "mine").to_bytes()
    status, told = read(page.ask("/models", "POST", mine, **KEY))
    sha256 = nano.manifest.sha256
    assert status == 200, told
    assert told == {"model": "mine-int8", "sha256": sha256, "state": "on trial", "seconds": 60}
    assert (folder.path / "mine-int8.tflite").read_bytes() == mine
    assert folder.state().running.facts.labels[0] == "my-angry"
    status, told = read(page.ask("/models", "POST", mine, **KEY))
    assert status == 409
    assert told["error"].startswith("mine-int8 is on trial: wait a minute, or end it: fer-edge")
    assert files(folder) == ["mine-int8.tflite", STATE_FILE]


@pytest.mark.usefixtures("unchecked")
def test_a_full_disk_for_temporary_files_is_answered(
    page: Served, folder: ModelFolder, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        status, told = read(page.ask("/models", "POST", nano.to_bytes(), **KEY))
    assert status == 400
    assert told["error"].endswith("No space left on device")
    assert files(folder) == []
    assert page.ask("/models", "POST", nano.to_bytes(), **KEY).status == 200


def test_which_model_runs_and_what_became_of_the_newest_is_told(
    page: Served, folder: ModelFolder
) -> None:
    running = {"name": "test-int8", "sha256": "ab" * 32, "labels": list(LABELS)}
    told = {"running": running, "state": "kept", "why": "", "before": None}
    assert read(page.ask("/models", **KEY)) == (200, told)
    new = Held("new.tflite", ModelFacts("new-int8", "cd" * 32, ("a", "b")))
    own = Held("", ModelFacts("own-int8", "ef" * 32, ("c",)))
    folder.change(lambda state: DeploymentState(own).using(new))
    before = {"name": "own-int8", "sha256": "ef" * 32, "labels": ["c"]}
    told |= {"state": "on trial", "before": before}
    assert read(page.ask("/models", **KEY)) == (200, told)
    folder.change(lambda state: state.taken_back(new, "it is slow", "2026-11-27T10:00:00+00:00"))
    told |= {"state": "taken back", "why": "it is slow", "before": None}
    assert read(page.ask("/models", **KEY)) == (200, told)
    (folder.path / STATE_FILE).write_text("{}[")
    status, told = read(page.ask("/models", **KEY))
    assert status == 500
    assert "cannot be read" in told["error"]
    assert json.loads(page.ask("/about", **KEY).read())["model"] == "test-int8 abababababab"


@pytest.mark.usefixtures("unchecked")
def test_nobody_changes_the_model_without_the_token(
    page: Served, folder: ModelFolder, nano: ModelBundle
) -> None:
    mine = nano.to_bytes()
    assert page.ask("/models", "POST", mine).status == 401
    assert page.ask("/models").status == 401
    wrong = page.ask("/models", "POST", mine, Authorization="Bearer another-token-of-16")
    assert wrong.status == 401
    elsewhere = {**KEY, "Origin": "http://elsewhere.example"}
    assert page.ask("/models", "POST", mine, **elsewhere).status == 403
    assert files(folder) == []
    assert page.server.refused == 4


@pytest.mark.usefixtures("unchecked")
def test_where_a_key_is_trusted_only_its_models_come_in(
    page: Served, folder: ModelFolder, nano: ModelBundle, tmp_path: Path
) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")
    from fer_edge.deployment.signing.file_signature import signed
    from fer_edge.deployment.signing.keys import SigningKey
    from fer_edge.deployment.signing.trusted import TrustedKeys

    key = SigningKey.make(tmp_path / "mine.pem")
    plain = renamed(nano, "mine").to_bytes()
    mine = signed(plain, key, "it")
    TrustedKeys(folder.path).trust("release")
    before = files(folder)
    unsigned = "the model is not signed. Sign it where it was made:", "model-unsigned"
    changed = "the model was changed after it was signed, or damaged", "signature-broken"
    unknown = (
        f"the model is signed by {key.public}, a key that is not trusted here.",
        "signer-unknown",
    )
    for content, (why, code) in (
        (plain, unsigned),
        (mine[:-1], unsigned),
        (mine[:99] + b"!" + mine[100:], changed),
        (mine, unknown),
    ):
        status, told = read(page.ask("/models", "POST", content, **KEY))
        assert status == 400
        assert told["error"].startswith(why)
        assert told["code"] == code
        assert files(folder) == before
    trust = f"fer-edge models trust {key.public} --models {folder.path}"
    assert told["error"].endswith(trust)
    call_here(*trust.split(), cwd=tmp_path)
    status, told = read(page.ask("/models", "POST", mine, **KEY))
    assert (status, told["state"]) == (200, "on trial")


@pytest.mark.usefixtures("unchecked")
def test_a_run_without_a_folder_takes_none(nano: ModelBundle) -> None:
    served = Served()
    with served.server:
        status, told = read(served.ask("/models", "POST", nano.to_bytes()))
        assert (status, told) == (
            403,
            {"error": "this device takes no models: start it with --models FOLDER"},
        )
        assert read(served.ask("/models"))[1]["running"]["name"] == "test-int8"


Damage = Callable[[ModelBundle], bytes]
DAMAGED: dict[str, tuple[Damage, str]] = {
    "nothing": (lambda nano: b"", "the file that was sent is empty, or there was none"),
    "no bundle": (lambda nano: b"PNG" * 1000, "the model carries no readable manifest"),
    "a network alone": (lambda nano: nano.model, "fer-convert adopt FILE.tflite"),
    "cut short": (lambda nano: nano.to_bytes()[:-100], "carries no readable manifest"),
    "one bit": (
        lambda nano: nano.to_bytes()[:5000] + b"\0" + nano.to_bytes()[5001:],
        "is damaged: its hash is not the manifest's",
    ),
    "labels": (
        lambda nano: ModelBundle(nano.model, replace(nano.manifest, labels=("a", "b"))).to_bytes(),
        "gives (1, 7), its manifest has 2 labels",
    ),
    "label twice": (
        lambda nano: ModelBundle(nano.model, replace(nano.manifest, labels=("a",) * 7)).to_bytes(),
        "it names a label twice",
    ),
    "schema": (
        lambda nano: ModelBundle(nano.model, replace(nano.manifest, recipe="int8\n")).to_bytes(),
        "the model's manifest cannot be read",
    ),
    "no network": (
        lambda nano: ModelBundle(b"\0" * 8 + b"TFL3" * 99, nano.manifest).to_bytes(),
        "",  # in words of the runtime, or of its crash
    ),
    "constant": (lambda nano: constant(nano).to_bytes(), "gives the same answer for 7 different"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_is_refused_is_told_and_changes_nothing(
    page: Served, folder: ModelFolder, nano: ModelBundle, kind: str
) -> None:
    if kind == "constant":
        pytest.importorskip("ai_edge_litert", reason="LiteRT's schema makes the network")
    damage, reason = DAMAGED[kind]
    status, told = read(page.ask("/models", "POST", damage(nano), **KEY))
    assert status == 400
    assert reason in told["error"]
    assert "/tmp" not in told["error"]
    assert "\n" not in told["error"]
    assert files(folder) == []
    assert folder.state() == DeploymentState()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in")
def test_a_file_that_crashes_the_runtime_takes_its_check_alone(
    page: Served,
    folder: ModelFolder,
    nano: ModelBundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -SEGV $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    status, told = read(page.ask("/models", "POST", nano.to_bytes(), **KEY))
    assert (status, told["error"]) == (400, "the model crashes the runtime (SIGSEGV)")
    assert files(folder) == []


@pytest.mark.usefixtures("unchecked")
def test_what_is_too_large_is_not_even_read(page: Served, folder: ModelFolder) -> None:
    with page.connect() as connection:
        head = f"POST /models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        connection.sendall(f"{head}Content-Length: {MOST_MODEL_BYTES + 1}\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == b"413"
    assert files(folder) == []


@pytest.mark.usefixtures("unchecked")
def test_what_does_not_come_whole_is_forgotten(
    page: Served, folder: ModelFolder, nano: ModelBundle
) -> None:
    mine = nano.to_bytes()
    with page.connect() as connection:
        head = f"POST /models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        connection.sendall(f"{head}Content-Length: {len(mine)}\r\n\r\n".encode() + mine[:9000])
    limit = threading.Event()
    while not page.server.refused:
        assert not limit.wait(0.01)
    assert files(folder) == []
    assert read(page.ask("/models", "POST", mine, **KEY))[0] == 200  # the lock is free


def test_a_second_one_at_the_same_time_is_refused(
    page: Served, folder: ModelFolder, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking, go_on = threading.Event(), threading.Event()

    def slow_check(path: Path) -> ModelBundle:
        checking.set()
        assert go_on.wait(20)
        return ModelBundle.load(path)

    monkeypatch.setattr(intake.ModelIntake.__init__, "__defaults__", (slow_check,))
    mine = nano.to_bytes()
    with ThreadPoolExecutor(1) as sender:
        first = sender.submit(page.ask, "/models", "POST", mine, **KEY)
        assert checking.wait(20)
        status, told = read(page.ask("/models", "POST", mine, **KEY))
        go_on.set()
        assert (status, told["error"]) == (
            409,
            "another model is being checked: try again in a minute",
        )
        assert read(first.result())[0] == 200
    assert folder.state().state == ON_TRIAL


@pytest.mark.usefixtures("unchecked")
def test_another_model_of_the_same_name_takes_no_file_from_the_one_before(
    page: Served, folder: ModelFolder, nano: ModelBundle
) -> None:
    for mark in ("a-", "b-"):
        assert (
            read(page.ask("/models", "POST", renamed(nano, "mine", mark).to_bytes(), **KEY))[0]
            == 200
        )
        folder.change(DeploymentState.kept)
    assert files(folder) == ["mine-int8-2.tflite", "mine-int8.tflite", STATE_FILE]
    assert [each.place for each in folder.state().earlier] == ["", "mine-int8.tflite"]
    status, told = read(page.ask("/models", "POST", renamed(nano, "mine", "b-").to_bytes(), **KEY))
    assert (status, told["error"]) == (
        400,
        f"mine-int8 {nano.manifest.sha256[:12]} is in use already",
    )
    odd = renamed(nano, "..\u00e9 %x;y ").to_bytes()
    assert read(page.ask("/models", "POST", odd, **KEY))[0] == 200
    assert folder.state().running.place == "\u00e9__x_y_-int8.tflite"
