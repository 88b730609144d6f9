"""What must not grow, hang or stay: many files, bombs, tabs that close, two browsers at once."""

import gc
import json
import socket
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.bundle import ModelBundle
from fer_edge.deployment.folder import ModelFolder
from fer_edge.deployment.signing.file_signature import signed
from fer_edge.deployment.signing.own_key import own_key
from fer_edge.deployment.signing.trusted import TrustedKeys
from fer_edge.page.door import MOST_VIEWERS
from fer_train.studio.collection import RECENT
from fer_train.studio.finding import MOST_STREAMS
from new_models import renamed
from served_page import TOKEN
from served_page import Served as ServedPage
from served_studio import Served, encoded, wait_until

FACE = encoded(draw_scene("happy"), ".jpg")


def head_of_webp(side: int) -> bytes:
    """Return a lossless WebP of a few bytes that says it is of this size."""
    bits = (side - 1) | (side - 1) << 14
    chunk = b"VP8L" + struct.pack("<I", 30) + b"\x2f" + struct.pack("<I", bits) + bytes(25)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def head_of_tiff(side: int) -> bytes:
    """Return a TIFF of a few bytes that says it is of this size."""
    tags = ((256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (279, 9))
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + rows + bytes(4)


def bomb(side: int) -> bytes:
    """Return a true PNG of black pixels: a thousandth of what it becomes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    size = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes(side * (side + 1))))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + rows + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "body",
    [
        bomb(6500),
        b"P5 10000 10000 255 " + bytes(1000),
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 1054, 0, 54, 40, 10_000, 10_000, 1, 24, *[0] * 6),
        b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + bytes(100) + b";",
        head_of_webp(16_000),
        head_of_tiff(60_000),
    ],
    ids=["a true bomb", "PNM", "BMP", "GIF", "WebP", "TIFF"],
)
def test_small_files_of_large_pictures_are_refused_and_take_no_memory(
    served: Served, body: bytes
) -> None:
    served.post("/api/classes/add", name="calm")
    assert len(body) < 100_000
    before = status_mb("VmRSS")
    forget_peak()
    words = served.error("/api/shots", body, **{"class": "calm", "photo": "1"})
    assert "megapixels" in words or "cannot be read" in words
    assert status_mb("VmHWM") - before < 60  # 42 megapixels in colour are 126
    assert served.files() == []


def forget_peak() -> None:
    """Let VmHWM, the most memory that this process has had, begin anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def status_mb(name: str) -> float:
    """Return a figure of this process (Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        pytest.skip("/proc/self/status is Linux's")
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def test_many_files_one_after_another_take_bounded_memory(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    empty = np.full((480, 640, 3), 90, np.uint8)

    def send(count: int) -> float:
        """Send frames without a face, each of a recording of its own; return the memory then."""
        for index in range(count):
            served.shoot("calm", empty, recording=f"r{index}")
        gc.collect()
        return status_mb("VmRSS")

    before = send(10)
    assert send(80) - before < 40  # the frames are 74 MB
    for seed in range(RECENT + 3):
        scene = draw_scene("happy", size=160 + 5 * seed, seed=seed)
        assert served.shoot("calm", scene, photo="1")["kept"]
    assert len(served.studio.finder._streams) == MOST_STREAMS
    assert len(served.studio.collection.recent("calm")) == RECENT


def test_a_recording_called_like_a_path_stays_in_its_class(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    for index, recording in enumerate(("../../../etc/passwd", "..\\x", "/tmp/x.png", "a\x00b")):
        scene = draw_scene("happy", size=160 + 9 * index)
        for photo in ("", "1"):
            served.shoot("calm", scene, recording=recording, photo=photo)
    kept = served.files()
    assert kept
    assert all(Path(file).parent == Path("faces", "calm") for file in kept)


def test_tabs_that_close_leave_no_thread(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    before = threading.active_count()  # that of the first request may still be ending
    with ExitStack() as tabs:
        for _ in range(MOST_VIEWERS):
            stream = connect(served, tabs)
            stream.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in stream.recv(100)
        assert served.ask("GET", "/api/events")[0] == 503
        upload = connect(served, tabs)
        upload.sendall(b"POST /api/shots?class=calm HTTP/1.1\r\nHost: localhost\r\n")
        upload.sendall(f"Content-Length: {len(FACE)}\r\n\r\n".encode() + FACE[:1000])
        wait_until(lambda: threading.active_count() >= before + MOST_VIEWERS)
    wait_until(lambda: threading.active_count() <= before)
    assert served.shoot("calm", FACE)["kept"]


def connect(served: Served, stack: ExitStack) -> socket.socket:
    address = ("127.0.0.1", served.server.port)
    return stack.enter_context(socket.create_connection(address, timeout=10))


def test_a_second_browser_sees_the_same_and_starts_no_second_job(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill()
    monkeypatch.setenv("STUDIO_STUB", "goes on")
    with ExitStack() as tabs, ThreadPoolExecutor(2) as pool:
        lines = []
        for _ in range(2):
            stream = connect(served, tabs)
            stream.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            lines.append(stream.makefile("rb"))
        paths = ["/api/train?name=mine", "/api/train?name=other"]
        answers = sorted(pool.map(served.ask, ["POST"] * 2, paths))
        assert [status for status, _ in answers] == [200, 409]
        begun = json.loads(answers[0][1])["name"]
        told = json.loads(answers[1][1])["error"]
        assert told == f"{begun} is being trained: wait for it, or stop it"
        for each in lines:
            states = (json.loads(line[6:]) for line in each if line.startswith(b"data: "))
            assert next(state["job"]["name"] for state in states if state["job"]) == begun
        with suppress(ConnectionError):
            served.post("/api/stop")


def test_a_device_refuses_a_bundle_that_is_broken_or_of_other_labels(
    served: Served, nano: ModelBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    models = ModelFolder(tmp_path / "models")
    mine = renamed(nano, "mine").to_bytes()
    others = ModelBundle(nano.model, replace(nano.manifest, labels=("a", "b"))).to_bytes()
    page = ServedPage(TOKEN, models=models)
    run = served.folder / "runs" / "mine"
    run.mkdir()
    with models.held_by_this_run(), page.server:
        where = {"address": f"http://127.0.0.1:{page.server.port}", "token": TOKEN}
        for content, words in ((mine[:-100], "no readable manifest"), (others, "has 2 labels")):
            (run / "mine-int8.tflite").write_bytes(content)
            body = json.dumps(where).encode()
            told = served.error("/api/deploy", body, status=502, name="mine")
            assert told.startswith("127.0.0.1 says: ")
            assert words in told
        assert list(models.files()) == []
        key = own_key()[0]
        (run / "mine-int8.tflite").write_bytes(signed(mine, key, "it"))
        TrustedKeys(models.path).trust("release")
        told = served.error("/api/deploy", body, status=502, name="mine")
        assert told.startswith(f"127.0.0.1 says: the model is signed by {key.public}, a key that")
        assert told.endswith(f"fer-edge models trust {key.public} --models {models.path}")
        TrustedKeys(models.path).trust(key.public)
        assert served.post("/api/deploy", body, name="mine")["state"] == "on trial"
        assert served.post("/api/deployed", body)["state"] == "on trial"
        told = served.error("/api/deploy", body, status=502, name="mine")
        assert "on trial: wait a minute" in told
