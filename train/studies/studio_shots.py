"""How long a shot of the studio takes, and how much memory its server has.

    python train/studies/studio_shots.py [SHOTS]

A portrait moves through frames of 640x480, which go to `fer-train studio` as JPEG, one after the
other, as the page sends them.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fer_core.opencv import cv2

PORTRAIT = Path(__file__).parents[2] / "edge/fer_edge/assets/astronaut.jpg"


def frames(count: int) -> list[bytes]:
    """Return frames of a portrait that moves and comes nearer, encoded."""
    portrait = cv2.imread(str(PORTRAIT))
    encoded = []
    for index in range(count):
        shift = 60 * np.sin(index / 7), 30 * np.cos(index / 5)
        grow = 1.1 + 0.15 * np.sin(index / 11)
        move = np.array([[grow, 0, shift[0]], [0, grow, shift[1]]], np.float32)
        frame = cv2.warpAffine(portrait, move, (640, 480), borderMode=cv2.BORDER_REFLECT)
        encoded.append(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return encoded


def post(port: int, path: str, body: bytes = b"") -> dict[str, object]:
    """Return what the server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, body)
    answer = dict(json.loads(connection.getresponse().read()))
    connection.close()
    return answer


def memory_mb(process: int) -> float:
    """Return the resident memory of a process (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def main(count: int) -> None:
    """Print a line for each detector."""
    shown = frames(count)
    for detector in ("haar", "yunet"):
        with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            free.close()
            command = [Path(sys.executable).with_name("fer-train"), "studio", folder]
            options = ["--no-browser", "--port", str(port), "--detector", detector]
            server = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
            assert server.stderr
            server.stderr.readline()
            before, milliseconds, kept = memory_mb(server.pid), [], 0
            post(port, "/api/classes/add?name=moving")
            for frame in shown:
                started = time.perf_counter()
                answer = post(port, "/api/shots?class=moving&recording=20261127-101502", frame)
                milliseconds.append(1000 * (time.perf_counter() - started))
                kept += bool(answer["kept"])
            after = memory_mb(server.pid)
            server.send_signal(signal.SIGINT)
            server.wait(20)
        median, high = np.percentile(milliseconds, [50, 90])
        print(
            f"{detector}: {median:.1f} ms a shot, p90 {high:.1f}, {kept} of {count} kept; "
            f"memory {before:.0f} MB at the start, {after:.0f} MB then"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
