"""A camera on the loopback that can be told to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

FRAME_SECONDS = 0.02


class MjpegServer:
    """Streams pictures as MJPEG until told to `stall`, to send `rubbish`, or to `close`.

    `jpegs` are repeated for ever, a picture every FRAME_SECONDS; without any it is a gray one. A
    single one alternates with a brighter copy: the same for ten seconds would be a frozen camera.

    `manner` may be set at any time: "play", "stall", "rubbish" or "close" (the connection ends,
    and new ones are refused with 503).
    """

    def __init__(self, jpegs: Sequence[bytes] = (), frame_seconds: float = FRAME_SECONDS) -> None:
        self._frame_seconds = frame_seconds
        self.show(jpegs)
        self.manner = "play"
        self.rubbish = 0
        self._ending = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera._serve(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/stream.mjpg"

    def show(self, jpegs: Sequence[bytes]) -> None:
        """Send these pictures from now on."""
        self._jpegs = [*jpegs, _brighter(jpegs[0])] if len(jpegs) == 1 else jpegs

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        if self.manner == "close":
            request.send_error(503)
            return
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        try:
            self._stream(request)
        except (BrokenPipeError, ConnectionResetError):
            return  # the viewer left

    def _stream(self, request: BaseHTTPRequestHandler) -> None:
        count = 0
        while not self._ending.wait(self._frame_seconds):
            if self.manner == "close":
                return
            if self.manner == "stall":
                continue
            count += 1
            if self.manner == "rubbish":
                self.rubbish += 1
                request.wfile.write(b"no picture at all " * 400)
                continue
            encoded = self._jpegs[count % len(self._jpegs)] if self._jpegs else _gray(count)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(encoded)}\r\n\r\n"
            request.wfile.write(head.encode() + encoded + b"\r\n")

    def __enter__(self) -> MjpegServer:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _brighter(jpeg: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return cv2.imencode(".jpg", cv2.convertScaleAbs(pixels, beta=4))[1].tobytes()


def _gray(count: int) -> bytes:
    picture = np.full((120, 160, 3), 40 + count % 100, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()
