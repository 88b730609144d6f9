"""What another model costs a fer-edge that runs: frames, memory, time.

    python tests/soak/new_models.py --models 3

A camera of 15 pictures a second on the loopback; the shipped models, of which every one is sent in
turn to the page of a run, and is kept after a trial that is cut to ten seconds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).parents[1]))
from fer_edge.inference.models import shipped_models
from fer_edge.sources.demo import DemoSource
from mjpeg_server import MjpegServer

FRAME_SECONDS, TRIAL_SECONDS, START_SECONDS = 1 / 15, 10, 10
START = (
    f"from fer_edge.deployment import first_minute; first_minute.TRIAL_SECONDS = {TRIAL_SECONDS}\n"
    "import fer_edge.start; fer_edge.start.main()"
)


def memory_mb(process: int) -> float:
    """Return the resident memory of a process, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


class PeakOfChildren:
    """Looks at the children of a process while the block runs; `mb` is the most one had."""

    def __init__(self, process: int) -> None:
        self._children = Path(f"/proc/{process}/task")
        self._ending, self.mb = threading.Event(), 0.0
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._ending.wait(0.02):
            for listed in self._children.glob("*/children"):
                for child in listed.read_text().split():
                    self.mb = max(self.mb, memory_mb(int(child)))

    def __enter__(self) -> PeakOfChildren:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ending.set()
        self._thread.join()


class Page:
    """The page of a run."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str, content: bytes | None = None) -> str:
        """Return the text of an answer."""
        page = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        page.request("GET" if content is None else "POST", path, content)
        return page.getresponse().read().decode()

    def dropped(self) -> int:
        """Return how many frames of the camera nobody took."""
        lines = self.ask("/metrics").splitlines()
        return int(
            next(
                line for line in lines if line.startswith("fer_edge_frames_dropped_total ")
            ).split()[1]
        )

    def running(self) -> str:
        """Return which model classifies."""
        return self.ask("/healthz").splitlines()[1]


def one_model(page: Page, process: int, file: Path) -> None:
    """Send a model; print what it cost."""
    before, dropped, was = memory_mb(process), page.dropped(), page.running()
    started = time.monotonic()
    with PeakOfChildren(process) as child:
        told = json.loads(page.ask("/models", file.read_bytes()))
        checked = time.monotonic() - started
    of_the_check = page.dropped() - dropped
    while page.running() == was:
        time.sleep(0.02)
    swapped = time.monotonic() - started
    time.sleep(0.5)
    of_the_swap = page.dropped() - dropped - of_the_check
    time.sleep(TRIAL_SECONDS / 2)
    during = memory_mb(process)
    time.sleep(TRIAL_SECONDS / 2 + 2)
    state = json.loads(page.ask("/models"))["state"]
    print(
        f"{told['model']}: checked in {checked:.1f} s, took over after {swapped:.1f} s, {state}; "
        f"memory {before:.1f} MB before, {during:.1f} on trial, {memory_mb(process):.1f} after, "
        f"{child.mb:.1f} of the check; frames dropped: {of_the_check} during the check, "
        f"{of_the_swap} from there to half a second after the swap"
    )


def main() -> None:
    """Send models to a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=3)
    wanted = parser.parse_args()
    pictures = [frame.pixels for frame in DemoSource().frames(threading.Event())]
    jpegs = [cv2.imencode(".jpg", each)[1].tobytes() for each in [*pictures, *pictures[::-1]]]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with MjpegServer(jpegs, FRAME_SECONDS) as camera, tempfile.TemporaryDirectory() as folder:
        words = ["--camera", camera.url, "--serve", str(port), "--models", "models", "-q"]
        words += ["--json", "seen.jsonl", "--no-show", "--model", "fer-nano"]
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        process = subprocess.Popen(
            [sys.executable, "-c", START, *words], cwd=folder, env=environment
        )
        try:
            time.sleep(START_SECONDS)
            before = Page(port).dropped()
            time.sleep(START_SECONDS)
            print(f"frames dropped in {START_SECONDS} s alone: {Page(port).dropped() - before}")
            files = list(shipped_models().values())
            for number in range(wanted.models):
                one_model(Page(port), process.pid, files[number % len(files)])
        finally:
            process.terminate()
            process.wait(30)
        lines = (Path(folder) / "seen.jsonl").read_text().splitlines()
        frames = [int(json.loads(line)["frame"]) for line in lines]
        missing = sum(later - sooner - 1 for sooner, later in pairwise(frames))
        print(f"{frames[-1] + 1} frames, of which {missing} have no line with the face")


if __name__ == "__main__":
    main()
