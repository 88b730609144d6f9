"""A fer-edge that watches a camera of the tests, with a page and a folder of models."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mjpeg_server import MjpegServer

PATIENCE_SECONDS = 30.0
START = "import sys; sys.argv[0] = 'fer-edge'; import fer_edge.start; fer_edge.start.main()"

SHORT_TRIAL = "from fer_edge.deployment import first_minute; first_minute.TRIAL_SECONDS = 2\n"
"""What makes the trial of a model take 2 s, for `running`."""

_SLOW = """
import time
from fer_edge.inference.interpreter import TfliteModel
plain = TfliteModel.probabilities
def probabilities(self, pixels):
    ends = time.thread_time() + 0.02 * (self.bundle.name == "NAME")
    while time.thread_time() < ends:
        pass
    return plain(self, pixels)
TfliteModel.probabilities = probabilities
"""


def slow(name: str) -> str:
    """Return what makes a model of this name take 20 ms a face, for `running`."""
    return _SLOW.replace("NAME", name)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Runner:
    """A fer-edge that watches the camera, with a page and a folder of models."""

    def __init__(self, camera: MjpegServer, folder: Path, changed: str, *words: str) -> None:
        self.folder, self.port = folder, free_port()
        given = ["--camera", camera.url, "--serve", str(self.port), "--models", "models"]
        given += ["--json", "seen.jsonl", "--events", "events.jsonl", "--no-show", "-q", *words]
        self.process = subprocess.Popen(
            [sys.executable, "-c", changed + START, *given],
            cwd=folder,
            env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, path: str, content: bytes | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET" if content is None else "POST", path, content)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def models(self) -> dict[str, Any]:
        return dict(json.loads(self.ask("/models")[1]))

    def lines(self, name: str) -> list[dict[str, Any]]:
        try:
            text = (self.folder / name).read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def wait_until(self, true: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < limit, self.ask("/models")
            time.sleep(0.05)

    def end(self, how: signal.Signals = signal.SIGTERM) -> str:
        """Return what it has said."""
        self.process.send_signal(how)
        return self.process.communicate(timeout=PATIENCE_SECONDS)[1]


@contextmanager
def running(camera: MjpegServer, folder: Path, changed: str = "", *words: str) -> Iterator[Runner]:
    runner = Runner(camera, folder, changed, *words)
    try:
        runner.wait_until(lambda: bool(runner.lines("events.jsonl")))
        yield runner
    finally:
        if runner.process.poll() is None:
            runner.process.kill()
            runner.process.communicate()
