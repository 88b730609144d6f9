"""Leave fer-edge alone with faults, and see what that does to it.

    python tests/soak/soak.py --seconds 600 --out soak.json [--cameras 3]

A camera, or several with a history and clips of moments, a broker (mosquitto) and three viewers on
the loopback; every minute, or six times in a shorter run, one of the camera, the broker, a viewer
and the room for the event file goes away.
Everything that is started here is ended by its process id.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from fer_edge.sources.demo import DemoSource
from mjpeg_server import MjpegServer

FRAME_SECONDS, VIEWERS, WATCHDOG_SECONDS = 1 / 15, 3, 60
OUTAGE_SECONDS = 4.0
READY_SECONDS, LAST_SECONDS = 30.0, 20.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The runner at one second of its life."""

    at: float
    rss_mb: float
    threads: int
    descriptors: int
    frames: int


@dataclass(slots=True)
class Findings:
    """What came out; `problems` is empty when all held."""

    seconds: float = 0.0
    frames: int = 0
    events: int = 0
    event_lines: int = 0
    lines_dropped: int = 0
    mqtt_received: int = 0
    mqtt_delivered: int = 0
    mqtt_dropped: int = 0
    camera_reconnects: int = 0
    pictures_viewed: int = 0
    cameras: int = 1
    frames_dropped: int = 0
    clips: int = 0
    clip_frames_dropped: int = 0
    history_seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    longest_silence_of_watchdog_seconds: float = 0.0
    rss_after_warm_up_mb: float = 0.0
    rss_at_the_end_mb: float = 0.0
    threads: tuple[int, int] = (0, 0)
    descriptors: tuple[int, int] = (0, 0)
    exit_code: int | None = None
    problems: list[str] = field(default_factory=list)


def clip() -> list[bytes]:
    """Return a loop as JPEG: four seconds of a face, then three of an empty room with noise."""
    stop, rng = threading.Event(), np.random.default_rng(0)
    frames = [frame.pixels for frame in DemoSource(100).frames(stop)][::2]
    empty = np.full((480, 640, 3), 110, np.float64)
    frames += [
        np.clip(empty + rng.normal(0, 3, (480, 640, 1)), 0, 255).astype(np.uint8) for _ in range(45)
    ]
    return [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]


class Broker:
    """A mosquitto on the loopback that can be killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = subprocess.Popen(
            [program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(5)
            self._process = None


class Listener:
    """Counts the event messages that the broker passes on, each by its text."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.received = 0
        self._client = Client(CallbackAPIVersion.VERSION2, "soak-listener", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [("fer-edge/soak/event", 1), ("fer-edge/soak/+/event", 1)]
        )
        self._client.on_message = self._count
        self._client.connect_async("127.0.0.1", port, keepalive=10)
        self._client.loop_start()

    def _count(self, *_: object) -> None:
        self.received += 1

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Viewer(threading.Thread):
    """Looks at the live picture, and vanishes when told, to come back at once."""

    def __init__(self, port: int, camera: str) -> None:
        super().__init__(daemon=True)
        self.pictures = 0
        self.vanish, self.done = threading.Event(), threading.Event()
        self._port, self._camera = port, camera

    def run(self) -> None:
        while not self.done.is_set():
            self.vanish.clear()
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._look()
            self.done.wait(0.2)

    def _look(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        connection.request("GET", f"/video?camera={self._camera}")
        stream = connection.getresponse()
        while not (self.vanish.is_set() or self.done.is_set()):
            line = stream.readline()
            if not line:
                return
            self.pictures += line.startswith(b"--frame")
        connection.close()


class Notified(threading.Thread):
    """Plays systemd: takes notifications and keeps the longest silence of the watchdog."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.settimeout(0.5)
        self.ready, self.done = threading.Event(), threading.Event()
        self.longest, self._beat_at = 0.0, time.monotonic()

    def run(self) -> None:
        while not self.done.is_set():
            said = b""
            with contextlib.suppress(TimeoutError):
                said = self._socket.recv(4096)
            now = time.monotonic()
            if b"READY=1" in said:
                self._beat_at = now
                self.ready.set()
            if self.ready.is_set():
                self.longest = max(self.longest, now - self._beat_at)
            if b"WATCHDOG=1" in said:
                self._beat_at = now
        self._socket.close()


class Runner:
    """The fer-edge process under test."""

    def __init__(self, folder: Path, cameras: Sequence[str], broker: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.events, self.log = folder / "events.jsonl", folder / "log"
        config = folder / "fer-edge.toml"
        config.write_text(f'mqtt = "mqtt://127.0.0.1:{broker}"\nmqtt_name = "soak"\n')
        self.notified = Notified(str(folder / "notify"))
        self.notified.start()
        program = str(Path(sys.executable).with_name("fer-edge"))
        self.history, self.clips = folder / "history.sqlite", folder / "clips"
        arguments = ["--no-show", "--quiet", "--serve", f"{self.port}"]
        self.names = [f"c{number}" for number in range(len(cameras))] if len(cameras) > 1 else [""]
        for name, camera in zip(self.names, cameras, strict=True):
            arguments += ["--camera", f"{name}={camera}" if name else camera]
        if len(cameras) > 1:
            arguments += ["--history", str(self.history), "--clips", str(self.clips)]
            arguments += ["--on", "happy", "--before", "1", "--after", "1"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, *arguments, "--events", str(self.events), "--config", str(config)],
                env={**os.environ, "NOTIFY_SOCKET": str(folder / "notify")},
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_there(self) -> bool:
        return self._process.poll() is None

    def metrics(self) -> dict[str, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        counts: dict[str, float] = {}
        for name, value in (line.split(" ") for line in text.splitlines() if line[0] != "#"):
            plain = name.removeprefix("fer_edge_").partition("{")[0]
            counts[plain] = counts.get(plain, 0.0) + float(value)
        return counts

    def sample(self, at: float) -> Sample:
        status = Path(f"/proc/{self.pid}/status").read_text()
        facts = dict(line.split(":", 1) for line in status.splitlines())
        descriptors = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        rss = int(facts["VmRSS"].split()[0]) / 1024
        frames = int(self.metrics()["frames_total"])
        return Sample(at, round(rss, 2), int(facts["Threads"]), descriptors, frames)

    def no_room(self) -> None:
        """Let no file of the runner grow any more."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        full = max(1, self.events.stat().st_size)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (full, hard))

    def room(self) -> None:
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard, hard))

    def end(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(25)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(5)


def wait_for(true: Callable[[], bool], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if true():
            return True
        time.sleep(0.1)
    return False


@contextlib.contextmanager
def everything(
    folder: Path, count: int
) -> Iterator[tuple[list[MjpegServer], Broker, Listener, Runner, list[Viewer]]]:
    """Start cameras, broker, listener, runner and viewers; end them all."""
    broker, jpegs = Broker(folder), clip()
    broker.start()
    with contextlib.ExitStack() as stack:
        stack.callback(broker.kill)
        shifted = [jpegs[30 * number :] + jpegs[: 30 * number] for number in range(count)]
        cameras = [stack.enter_context(MjpegServer(each, FRAME_SECONDS)) for each in shifted]
        listener = Listener(broker.port)
        stack.callback(listener.close)
        runner = Runner(folder, [camera.url for camera in cameras], broker.port)
        stack.callback(lambda: runner.is_there() and runner.end())
        if not runner.notified.ready.wait(READY_SECONDS):
            raise SystemExit(f"fer-edge did not begin: {runner.log.read_text()}")
        viewers = [Viewer(runner.port, runner.names[0]) for _ in range(VIEWERS)]
        for viewer in viewers:
            viewer.start()
        yield cameras, broker, listener, runner, viewers
        for viewer in viewers:
            viewer.done.set()


def soak(seconds: float, folder: Path, count: int = 1) -> Findings:
    """Run for so many seconds with a fault every minute, at least six in all.

    With more than one camera the first one has the faults; there are a history and clips, too.
    """
    found, samples = Findings(seconds, cameras=count), list[Sample]()
    with everything(folder, count) as (cameras, broker, listener, runner, viewers):
        camera = cameras[0]
        faults = {
            "camera away": (
                lambda: setattr(camera, "manner", "close"),
                lambda: setattr(camera, "manner", "play"),
            ),
            "broker killed": (broker.kill, broker.start),
            "viewer vanished": (viewers[0].vanish.set, lambda: None),
            "disk full": (runner.no_room, runner.room),
            "camera stalls": (
                lambda: setattr(camera, "manner", "stall"),
                lambda: setattr(camera, "manner", "play"),
            ),
        }
        pause = min(60.0, seconds / 6)
        began = time.monotonic()
        due, mend_at, mend, order = pause, float("inf"), lambda: None, list(faults)
        while (now := time.monotonic() - began) < seconds and runner.is_there():
            with contextlib.suppress(OSError):  # it has just gone: its exit code says so
                samples.append(runner.sample(now))
            if now >= mend_at:
                mend()
                mend_at = float("inf")
            elif now >= due and now < seconds - LAST_SECONDS / 2:
                name = order[sum(found.faults.values()) % len(order)]
                make, mend = faults[name]
                make()
                found.faults[name] = found.faults.get(name, 0) + 1
                due, mend_at = due + pause, now + OUTAGE_SECONDS
            time.sleep(1.0)
        mend()
        settle(found, runner, listener, cameras)
        found.pictures_viewed = sum(viewer.pictures for viewer in viewers)
        found.exit_code = runner.end()
        runner.notified.done.set()
        found.longest_silence_of_watchdog_seconds = round(runner.notified.longest, 1)
        found.event_lines = sum(map(is_event, runner.events.read_text().splitlines()))
        said = runner.log.read_text()
        if count > 1:
            look_at_files(found, runner)
    judge(found, samples, said)
    return found


def look_at_files(found: Findings, runner: Runner) -> None:
    """Count the clips that are whole, and the seconds of the history."""
    index = (runner.clips / "index.jsonl").read_text().splitlines()
    found.clips = sum(json.loads(line)["whole"] for line in index)
    with contextlib.closing(sqlite3.connect(runner.history)) as history:
        (damage,) = history.execute("PRAGMA integrity_check").fetchone()
        (seconds,) = history.execute("SELECT sum(seconds) FROM minutes").fetchone()
    found.history_seconds = round(seconds or 0.0, 1) if damage == "ok" else -1.0


def settle(
    found: Findings, runner: Runner, listener: Listener, cameras: Sequence[MjpegServer]
) -> None:
    """Wait until what is under way has arrived, then read the runner's own counts."""
    for camera in cameras:
        camera.manner = "close"  # no further events
    if not runner.is_there():
        return
    wait_for(lambda: runner.metrics()["faces"] == 0, LAST_SECONDS)
    time.sleep(3.0)

    def arrived() -> bool:
        counts = runner.metrics()
        return counts["mqtt_delivered_total"] + counts["mqtt_dropped_total"] >= events(counts)

    wait_for(arrived, LAST_SECONDS)
    counts = runner.metrics()
    found.frames, found.events = int(counts["frames_total"]), events(counts)
    found.lines_dropped = int(counts["lines_dropped_total"])
    found.mqtt_delivered = int(counts["mqtt_delivered_total"])
    found.mqtt_dropped = int(counts["mqtt_dropped_total"])
    found.camera_reconnects = int(counts["camera_reconnects_total"])
    found.frames_dropped = int(counts["frames_dropped_total"])
    found.clip_frames_dropped = int(counts.get("clip_frames_dropped_total", 0))
    found.mqtt_received = listener.received


def is_event(line: str) -> bool:
    """Return whether a line is a whole event, not the rest of one that found no room."""
    with contextlib.suppress(ValueError):
        return "kind" in json.loads(line)
    return False


def events(counts: dict[str, float]) -> int:
    return int(sum(value for name, value in counts.items() if name.startswith("events_total")))


def judge(found: Findings, samples: list[Sample], said: str) -> None:
    """Fill in what the samples tell, and list what did not hold."""
    calm = [sample for sample in samples if sample.at > 0.3 * found.seconds] or samples
    tenth = max(1, len(calm) // 10)
    first, last = calm[:tenth], calm[-tenth:]

    def median(part: list[Sample], name: str) -> float:
        return float(np.median([getattr(sample, name) for sample in part]))

    found.rss_after_warm_up_mb = round(median(first, "rss_mb"), 1)
    found.rss_at_the_end_mb = round(median(last, "rss_mb"), 1)
    found.threads = int(median(first, "threads")), int(median(last, "threads"))
    found.descriptors = int(median(first, "descriptors")), int(median(last, "descriptors"))
    checks = {
        "it ended by itself": found.exit_code == 130,
        "memory grew by more than 5 MB": found.rss_at_the_end_mb - found.rss_after_warm_up_mb <= 5,
        "threads leaked": found.threads[1] <= found.threads[0] + 1,
        "descriptors leaked": found.descriptors[1] <= found.descriptors[0] + 2,
        "the watchdog would have bitten": found.longest_silence_of_watchdog_seconds
        < WATCHDOG_SECONDS,
        "no events": found.events > found.seconds / 10,
        "events were lost on the way to the file": found.event_lines + found.lines_dropped
        == found.events,
        "events were lost on the way to the broker": found.mqtt_delivered + found.mqtt_dropped
        == found.events,
        # what a broker has acknowledged and not yet passed on dies with it
        "the broker's listener heard too little": found.mqtt_received
        >= found.mqtt_delivered - 5 * found.faults.get("broker killed", 0),
        "the camera did not come back": found.camera_reconnects
        >= found.faults.get("camera away", 0),
        "viewers saw nothing": found.pictures_viewed > found.seconds,
        "there was a traceback": "Traceback" not in said,
    }
    if found.cameras > 1:  # a face is there for four of seven seconds
        checks |= {
            "the history lacks time": found.history_seconds
            > 0.2 * found.seconds * (found.cameras - 1),
            "there are too few clips": found.clips >= found.cameras,
        }
    found.problems = [words for words, held in checks.items() if not held]
    if found.problems:
        found.problems.append(f"log: {said[-3000:]}")


def main() -> None:
    """Soak, print and write the findings; exit with 1 when something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cameras", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(asked.seconds, Path(folder), asked.cameras)
    text = json.dumps(asdict(found), indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n")
    sys.exit(bool(found.problems))


if __name__ == "__main__":
    main()
