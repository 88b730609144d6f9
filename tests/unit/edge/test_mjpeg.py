import http.client
import io
import math
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.errors import FerError
from fer_core.opencv import MOST_PIXELS
from fer_edge.sources import mjpeg
from fer_edge.sources.camera import open_camera
from fer_edge.sources.decoding import Decoder
from fer_edge.sources.mjpeg import MjpegCapture
from fer_edge.sources.picture_check import Damaged
from mjpeg_server import MjpegServer

SECONDS = 5.0
JPEG = cv2.imencode(".jpg", np.full((24, 32, 3), 90, np.uint8))[1].tobytes()


@contextmanager
def answering(kind: str, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """Serve one body at every address; yield the address and the authorizations that come."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}/stream", heard
        finally:
            server.shutdown()


@pytest.mark.parametrize("firmware", ["new", "old"])
def test_an_esp32_camera_of_either_firmware_is_watched(firmware: str, cases: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(cases / "esp32_camera.py"), firmware, str(port)]
    with subprocess.Popen(command) as camera:
        try:
            _wait_for(port)
            source = open_camera(f"http://127.0.0.1:{port}/stream", None, None)
            frame = next(source.frames(threading.Event()))
            assert frame.pixels.shape == (360, 640, 3)
            source.close()
        finally:
            camera.terminate()


def _wait_for(port: int) -> None:
    pause = threading.Event()
    for _ in range(400):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        pause.wait(0.05)
    pytest.fail("the camera did not start")


def test_pictures_are_found_whatever_stands_between() -> None:
    body = (
        b"junk\r\n\r\n" + JPEG + b"--b\r\nContent-Length: 1\r\n\r\n\xff\xd8\xff" + JPEG[3:] + b"x"
    )
    with answering("multipart/x-mixed-replace; boundary=b", body) as (where, heard):
        capture = MjpegCapture(f"http://anna:se%20cret@{where}", SECONDS)
        first, second = capture.read(), capture.read()
        assert np.array_equal(first, second)
        assert first.shape == (24, 32, 3)
        assert capture.read() is None
        capture.close()
    assert heard == ["Basic YW5uYTpzZSBjcmV0"]


def enormous() -> bytes:
    """Return a JPEG of more than MOST_PIXELS."""
    side = math.isqrt(MOST_PIXELS) + 8
    return cv2.imencode(".jpg", np.zeros((side, side), np.uint8))[1].tobytes()


def test_an_enormous_picture_is_damaged_and_the_next_one_is_seen() -> None:
    with answering("multipart/x-mixed-replace", enormous() + JPEG) as (where, _):
        capture = MjpegCapture(f"http://{where}", SECONDS)
        assert capture.read() == Damaged()
        assert np.shape(capture.read()) == (24, 32, 3)
        capture.close()


def test_the_decoder_of_other_streams_refuses_an_enormous_picture() -> None:
    av = pytest.importorskip("av")
    container = av.open(io.BytesIO(enormous() + 2 * JPEG), format="mjpeg")
    decoder = Decoder(av, container.streams.video[0])
    found = [decoder.decode(packet) for packet in container.demux() if packet.size]
    decoder.close()
    assert found[0] == Damaged()
    assert np.shape(found[-1]) == (24, 32, 3)


def test_what_is_no_stream_is_refused_and_a_picture_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = pytest.raises(FerError, match="no stream of pictures: text/html")
    with answering("text/html", b"hello") as (where, _), refused:
        MjpegCapture(f"http://{where}", SECONDS)
    monkeypatch.setattr(mjpeg, "LARGEST_BYTES", 1 << 16)
    with answering("multipart/x-mixed-replace", JPEG[:20] + bytes(1 << 18)) as (where, _):
        capture = MjpegCapture(f"http://{where}", SECONDS)
        assert capture.read() is None
        capture.close()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(FerError, match="no stream: "):
            MjpegCapture(f"http://127.0.0.1:{closed.getsockname()[1]}/", SECONDS)


def test_a_camera_that_stalls_gives_no_picture() -> None:
    with MjpegServer() as server:
        capture = MjpegCapture(server.url, 0.5)
        assert capture.read() is not None
        server.manner = "stall"
        while capture.read() is not None:
            pass
        capture.close()


def test_a_picture_that_trickles_in_has_a_bound_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with MjpegServer() as server:
        capture = MjpegCapture(server.url, 0.3)
        monkeypatch.setattr(capture._answer, "read1", lambda size: _trickle())
        began = time.monotonic()
        assert capture.read() is None
        assert 0.3 <= time.monotonic() - began < 5
        capture.close()


def _trickle() -> bytes:
    time.sleep(0.01)
    return b"\0"


def test_a_broken_chunk_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    with MjpegServer() as server:
        capture = MjpegCapture(server.url, SECONDS)
        monkeypatch.setattr(capture._answer, "read1", lambda size: _broken())
        assert capture.read() is None
        capture.close()


def _broken() -> bytes:
    raise http.client.IncompleteRead(b"")
