"""A studio on a free port, and pictures to show it."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import cv2
import numpy as np

from drawn_faces import draw_scene
from fer_edge.page.server import PageServer
from fer_train.studio.studio import Studio


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.02)


def encoded(picture: np.ndarray, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, picture)[1].tobytes()


@dataclass
class Served:
    """A studio that is open, and how to ask it."""

    folder: Path
    studio: Studio
    server: PageServer
    close: Callable[[], None]

    def ask(
        self, method: str, path: str, body: bytes = b"", /, headers: Any = None, **query: str
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        where = f"{path}?{urlencode(query)}" if query else path
        connection.request(method, where, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def get(self, path: str, **query: str) -> Any:
        status, content = self.ask("GET", path, **query)
        assert status == 200, content
        return json.loads(content)

    def post(self, path: str, body: bytes = b"", /, **query: str) -> Any:
        status, content = self.ask("POST", path, body, **query)
        assert status == 200, content
        return json.loads(content)

    def error(self, path: str, body: bytes = b"", /, status: int = 400, **query: str) -> str:
        got, content = self.ask("POST", path, body, **query)
        assert got == status, content
        return str(json.loads(content)["error"])

    def pictures(self, **query: str) -> list[str]:
        """Return the file names of a class or a person."""
        return [each["file"] for each in self.get("/api/pictures", **query)]

    def state(self) -> Any:
        return self.get("/api/state")

    def shoot(self, label: str, picture: np.ndarray | bytes, **query: str) -> Any:
        body = picture if isinstance(picture, bytes) else encoded(picture, ".jpg")
        query = {"recording": "20261127-101502", **query, "class": label}
        return self.post("/api/shots", body, **query)

    def fill(self, labels: tuple[str, ...] = ("happy", "sad"), count: int = 10) -> None:
        """Put crops of drawn faces into classes, two recordings each."""
        for label in labels:
            self.post("/api/classes/add", name=label)
            for seed in range(count):
                scene = draw_scene(label, seed=seed)[140:340, 220:420]
                crop = self.studio.collection.spec.resized(scene)
                recording = f"2026112{7 + seed % 2}-101502"
                self.studio.collection.keep(label, recording, crop)

    def files(self) -> list[str]:
        """Return every file of the folder but for the lock."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(
            str(path.relative_to(self.folder)) for path in paths if path.stem[:5] != ".fer-"
        )


def lives(process: int) -> bool:
    """Return whether a process runs; one that has ended and was not waited for does not."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
