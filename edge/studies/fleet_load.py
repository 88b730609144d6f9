"""What a fleet of many devices costs: one broker, one page, simulated devices, all on the loopback.

    PYTHONPATH=core:edge python3 edge/studies/fleet_load.py --devices 1000

The devices are MQTT connections of one process and two threads, which send the reports of real
ones. Some are hot, some run another bundle than the published one, some stop to report, some do not
come back after the broker was killed. Needs mosquitto and Linux (/proc); takes four minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleet_swarm import LOST, SILENT, WANTED, Swarm
from paho.mqtt.publish import single

from fer_edge.deployment.announcement import announced_at, signed_payload
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.outputs.mqtt.report import REPORT_SECONDS

SERVE = "import sys; sys.argv[0] = 'fer-edge'; import fer_edge.start; fer_edge.start.main()"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


class Process:
    """A process that the block ends, and what it takes."""

    def __init__(self, *command: str, log: Path) -> None:
        self._command, self._log = command, log
        self.start()

    def start(self) -> None:
        """Start it, again too."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self._process.wait(10)

    @property
    def memory_mb(self) -> float:
        """Resident memory."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(*command: str, log: Path) -> Iterator[Process]:
    """Run a process while the block runs."""
    process = Process(*command, log=log)
    try:
        yield process
    finally:
        process.kill()


class Page:
    """The page of the fleet."""

    def __init__(self, port: int) -> None:
        self._port = port

    def news(self) -> dict[str, Any]:
        """Return all that it knows."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/fleet", timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def told(self) -> str:
        """Return what its head says."""
        news = self.news()
        broker = news["broker"]
        head = "live" if broker["connected"] else f"no broker for {broker['seconds']:.0f} s"
        counts = ", ".join(f"{mark} {count}" for mark, count in sorted(news["counts"].items()))
        return f"{head}; {counts}"

    def wait_until(self, true: Callable[[dict[str, Any]], bool], seconds: float) -> float:
        """Return how long it took."""
        started = time.monotonic()
        while not true(self.news()):
            if time.monotonic() - started > seconds:
                raise SystemExit(f"after {seconds} s the page says: {self.told()}")
            time.sleep(0.2)
        return time.monotonic() - started


class Viewer:
    """Reads the page's events while the block runs, as a browser does."""

    def __init__(self, port: int) -> None:
        self._port, self.bytes, self._ending = port, 0, threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/events", timeout=10) as stream:
            while not self._ending.is_set():
                self.bytes += len(stream.readline())

    def __enter__(self) -> Viewer:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ending.set()
        self._thread.join(10)


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def counted(news: dict[str, Any], *marks: str) -> list[int]:
    """Return how many devices have each mark."""
    return [news["counts"].get(mark, 0) for mark in marks]


def heard_since(news: dict[str, Any], started: float) -> int:
    """Return how many devices were heard since then."""
    ages = [each["heard_seconds"] for each in news["devices"]]
    return sum(age is not None and age < time.monotonic() - started for age in ages)


def loaded(page: Page, fleet: Process, broker: Process, viewer: Viewer, seconds: float) -> str:
    """Return what so many seconds cost."""
    processes, before = (fleet, broker), page.news()["messages"]
    spent, read, started = [each.cpu_seconds for each in processes], viewer.bytes, time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - started
    messages = (page.news()["messages"] - before) / took
    ours, theirs = (
        (each.cpu_seconds - old) / took for each, old in zip(processes, spent, strict=True)
    )
    return (
        f"{messages:.0f} messages/s; fer-edge fleet {ours:.0%} of a core, {fleet.memory_mb:.0f} MB;"
        f" mosquitto {theirs:.0%}, {broker.memory_mb:.0f} MB; a viewer reads "
        f"{(viewer.bytes - read) / took / 1000:.0f} kB/s"
    )


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def measure(count: int, seconds: float, folder: Path) -> None:
    """Print what the devices cost, and what the page shows."""
    mqtt, serve, mosquitto = free_port(), free_port(), shutil.which("mosquitto", path=_PATH)
    if mosquitto is None:
        raise SystemExit("mosquitto is not installed: sudo apt install mosquitto")
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {mqtt} 127.0.0.1\nallow_anonymous true\nuser root\n")
    log, url = folder / "log", f"mqtt://127.0.0.1:{mqtt}"
    shown = ("-c", SERVE, "fleet", "--mqtt", url, "--serve", str(serve))
    page = Page(serve)
    with (
        running(mosquitto, "-c", str(config), log=log) as broker,
        running(sys.executable, *shown, log=log) as fleet,
        Swarm(count, mqtt) as swarm,
    ):
        time.sleep(2)
        say(f"fer-edge fleet, no device yet: {fleet.memory_mb:.0f} MB")
        key = SigningKey.make(folder / "key.pem")
        single(announced_at(""), signed_payload(WANTED, key), 1, True, "127.0.0.1", mqtt)
        with Viewer(serve) as viewer:
            took = page.wait_until(lambda news: counted(news, "alive") == [count], 60)
            say(f"{count} devices are shown within {took + 2:.1f} s: {page.told()}")
            steady = loaded(page, fleet, broker, viewer, seconds)
            say(f"a report every {REPORT_SECONDS:.0f} s: {steady}")
            swarm.hurries = True
            flood = loaded(page, fleet, broker, viewer, seconds / 2)
            swarm.hurries = False
            say(f"reports as fast as they are acknowledged: {flood}")
            break_the_broker(page, broker, swarm)
        say(f"fer-edge fleet at the end: {fleet.memory_mb:.0f} MB")


def break_the_broker(page: Page, broker: Process, swarm: Swarm) -> None:
    """Kill the broker, let it come back, and print what the page shows meanwhile."""
    count = len(swarm.devices)
    swarm.lost = set(swarm.devices[-LOST:])
    swarm.silent = set(swarm.devices[-LOST - SILENT : -LOST])
    broker.kill()
    time.sleep(10)
    say(f"10 s after the broker was killed: {page.told()}")
    started = time.monotonic()
    broker.start()
    took = page.wait_until(lambda news: bool(news["broker"]["connected"]), 30)
    say(f"the broker is started: the page has it {took:.1f} s later: {page.told()}")
    expected = count - LOST - SILENT
    page.wait_until(lambda news: heard_since(news, started) == expected, 60)
    took = time.monotonic() - started
    say(
        f"the {expected} that come back and report are heard {took:.1f} s after its start: "
        f"{page.told()}"
    )
    page.wait_until(lambda news: counted(news, "late") == [LOST + SILENT], 140)
    took = time.monotonic() - started
    say(f"those that did not, and those that report no more, are late {took:.0f} s after its start")
    say(f"then: {page.told()}")


def main() -> None:
    """Measure, in a folder that is removed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    files = given.devices * 2 + 200
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(files, 1024), most), most))
    with tempfile.TemporaryDirectory() as folder:
        say(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        measure(given.devices, given.seconds, Path(folder))


if __name__ == "__main__":
    main()
