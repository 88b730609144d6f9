"""The studio from an empty folder to a model beside the old one, with the real commands."""

import json
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from commands import command_path
from drawn_faces import draw_scene
from fer_core.bundle import ModelBundle
from served_studio import encoded, wait_until

pytestmark = pytest.mark.slow

LOOKS = {"grin": "happy", "frown": "sad", "gasp": "surprise"}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of `fer-train studio` in its own process; Ctrl-C ends it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["studio", "own", "--no-browser", "--port", str(port), "--detector", "haar"]
    with subprocess.Popen(
        [command_path("fer-train"), *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr
        said = server.stderr.readline()
        assert "faces are found by haar" in said
        try:
            yield re.findall(r"http://\S+/", said)[0]
            assert server.poll() is None
        finally:
            server.send_signal(signal.SIGINT)
            rest = server.communicate(timeout=20)[1]
        assert rest == ""
        assert server.returncode == 130


def ask(address: str, path: str, body: bytes | None = None) -> dict:
    with urllib.request.urlopen(f"{address}{path}", body, timeout=30) as answer:
        return dict(json.load(answer))


def test_from_an_empty_folder_to_a_model_in_use(address: str, tmp_path: Path) -> None:
    for label, look in LOOKS.items():
        ask(address, f"api/classes/add?name={label}", b"")
        for seed in range(18):
            scene = draw_scene(look, size=170 + 3 * seed, seed=seed) * (0.6 + 0.03 * seed)
            picture = encoded(scene.astype(np.uint8), ".jpg")
            recording = f"20261127-10150{seed // 6}"
            shot = ask(address, f"api/shots?class={label}&recording={recording}", picture)
            assert shot["kept"], shot
    assert ask(address, "api/state")["ready"]
    ask(address, "api/train?name=mine&init=fer-nano&epochs=2", b"")
    seen = set()

    def has_ended() -> bool:
        state = ask(address, "api/state")
        seen.add((state["job"] or {}).get("kind"))
        return state["job"] is None

    wait_until(has_ended, 300)
    state = ask(address, "api/state")
    assert state["failed"] is None
    assert seen >= {"train", None}
    (run,) = state["runs"]
    assert (run["name"], run["labels"], run["bundle"]) == ("mine", ["frown", "gasp", "grin"], True)
    report = ask(address, "api/run?name=mine")
    assert report["count"] == run["count"] == 18
    assert report["int8"]["accuracy"] == pytest.approx(report["accuracy"])
    assert np.array(report["confusion"]).sum(axis=1).tolist() == [6, 6, 6]
    bundle = ModelBundle.load(tmp_path / "own" / "runs" / "mine" / "mine-int8.tflite")
    assert str(tmp_path) not in bundle.manifest.to_json() + bundle.card
    left = {path.name for path in (tmp_path / "own").rglob("*") if path.suffix in (".npz", ".png")}
    assert {name for name in left if "~" not in name} == {
        *("checkpoint.npz", "frozen.npz", "confusion.png", "curves.png")
    }
    look = ask(address, "api/look?model=mine", encoded(draw_scene("happy", seed=99)))
    (face,) = look["faces"]
    assert set(face["new"]["probabilities"]) == set(LOOKS)
