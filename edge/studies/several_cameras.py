"""How many cameras one computer bears: frames looked at and dropped, and the memory it takes.

    python edge/studies/several_cameras.py --cameras 1 --cameras 4 --cameras 8 --detector yunet

Each camera is a stream of MJPEG on the loopback, 640x480, that repeats a clip with a face that
moves. Another process serves them all, already encoded. The first seconds do not count.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fer_core.opencv import cv2
from fer_edge.sources.demo import DemoSource

SIZE, CLIP_FRAMES, WARM_SECONDS = (640, 480), 120, 8.0


def serve(jpegs: list[bytes], fps: float, ports: Any) -> None:
    """Serve a clip for ever at `fps`, at whatever address is asked; put the port first."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            began, count = time.monotonic(), 0
            try:
                while True:
                    jpeg = jpegs[count % len(jpegs)]
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                    self.wfile.write(f"{head}\r\n\r\n".encode() + jpeg + b"\r\n")
                    count += 1
                    time.sleep(max(0.0, began + count / fps - time.monotonic()))
            except (BrokenPipeError, ConnectionResetError):
                return  # the camera's viewer left

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ports.put(server.server_port)
        server.serve_forever()


def clip() -> list[bytes]:
    """Return a moving face as JPEGs."""
    frames = DemoSource(CLIP_FRAMES).frames(threading.Event())
    encoded = (cv2.imencode(".jpg", cv2.resize(frame.pixels, SIZE)) for frame in frames)
    return [jpeg.tobytes() for _, jpeg in encoded]


def metrics(port: int) -> dict[str, float]:
    """Return frames looked at and dropped so far, of all cameras."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    counted = {}
    for name in ("frames_total", "frames_dropped_total"):
        values = re.findall(rf"^fer_edge_{name}\S* (\d+)$", text, re.MULTILINE)
        counted[name] = sum(map(float, values))
        counted[f"least {name}"], counted[f"most {name}"] = (
            (min(map(float, values)), max(map(float, values))) if values else (0.0, 0.0)
        )
    return counted


def memory_mb(pid: int) -> float:
    """Return what a process holds of memory, its peak since the last look not counted."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measured(camera_port: int, count: int, detector: str, seconds: float) -> str:
    """Return a row of the table for so many cameras."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--detector", detector, "--serve", str(port), "--no-show", "--quiet"]
    for number in range(count):
        words += ["--camera", f"c{number}=http://127.0.0.1:{camera_port}/{number}"]
    start = "import sys; sys.argv[0] = 'fer-edge'; import fer_edge.start; fer_edge.start.main()"
    with tempfile.TemporaryDirectory() as folder:
        running = subprocess.Popen([sys.executable, "-c", start, *words], cwd=folder)
        try:
            time.sleep(WARM_SECONDS)
            before, spent, began = metrics(port), processor_seconds(running.pid), time.monotonic()
            time.sleep(seconds)
            after, took = metrics(port), time.monotonic() - began
            spent = processor_seconds(running.pid) - spent
            held = memory_mb(running.pid)
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(60)
    looked = after["frames_total"] - before["frames_total"]
    dropped = after["frames_dropped_total"] - before["frames_dropped_total"]
    each = [
        (after[f"{which} frames_total"] - before[f"{which} frames_total"]) / took
        for which in ("least", "most")
    ]
    cells = [f"{count}", detector, f"{looked / took:.1f}", f"{dropped:.0f}"]
    cells += [f"{each[0]:.1f} to {each[1]:.1f}", f"{held:.0f}", f"{spent / took:.0%}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, action="append", default=[])
    parser.add_argument("--detector", action="append", default=[])
    parser.add_argument("--fps", type=float, default=15.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ports = context.Queue()
    server = context.Process(target=serve, args=(clip(), given.fps, ports), daemon=True)
    server.start()
    port = ports.get(timeout=30)
    print("| cameras | detector | frames a second | dropped | of each camera | MB | of a core |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    for detector in given.detector or ["yunet"]:
        for count in given.cameras or [1, 4, 8]:
            print(measured(port, count, detector, given.seconds), flush=True)
    server.terminate()
    server.join(10)


if __name__ == "__main__":
    main()
