"""The deployment pages, line by line, on a computer with its own kernel and systemd."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vm.conftest import CAMERA
from vm.image import PAGES
from vm.machine import Machine
from vm.page import commands

pytestmark = pytest.mark.vm
LONG = 1500.0
"""Seconds for what takes some on a Pi."""
TOKEN = secrets.token_urlsafe()
SETTINGS = {
    'camera = "picamera"': f'camera = "{CAMERA}"',
    "PUT 16 CHARACTERS OR MORE HERE": TOKEN,
    'mqtt_user = "fer"\n': "",
    'mqtt_password = "..."\n': "",
}
"""What a reader changes in the page's settings: another camera, a token, a broker without users."""
PROBE = Path(__file__).parent / "probe.py"


@pytest.fixture(scope="module")
def service(machine: Machine) -> Machine:
    """A computer on which the page's commands have installed the service."""
    install_service(machine)
    return machine


def install_service(machine: Machine) -> None:
    """Install the service by the page's commands."""
    settings, private, _, install = commands(PAGES / "headless.md")[:4]
    for old, new in SETTINGS.items():
        assert old in settings
        settings = settings.replace(old, new)
    machine.run(settings, "pi")
    machine.run(private, "pi")
    done = machine.run(install, "pi", LONG)
    assert "fer-edge runs; its files are in /var/lib/fer-edge" in done.out


def told(machine: Machine, *names: str) -> dict[str, str]:
    """Return properties of the service, as systemd has them."""
    asked = " ".join(f"-p {name}" for name in names)
    lines = machine.run(f"systemctl show fer-edge {asked}").out.splitlines()
    return dict(line.split("=", 1) for line in lines)


def frames(machine: Machine) -> int:
    """Return how many frames the running service has seen."""
    token = f"Authorization: Bearer {TOKEN}"
    text = machine.run(f"curl -sf -H '{token}' http://localhost:8080/metrics").out
    found = re.search(r"^fer_edge_frames_total(?:\{.*\})? (\d+)", text, re.MULTILINE)
    assert found, text
    return int(found[1])


def frames_go_on(machine: Machine, seconds: float = 300.0) -> None:
    before, deadline = frames(machine), time.monotonic() + seconds
    while frames(machine) < before + 3:
        assert time.monotonic() < deadline, "no more frames"
        time.sleep(1)


def wait_for_a_restart(machine: Machine, before: str) -> None:
    count = "$(systemctl show fer-edge -P NRestarts)"
    machine.until(f"test {count} -gt {before}", seconds=LONG)


def test_the_service_is_ready_by_its_own_word(service: Machine) -> None:
    state = told(service, "ActiveState", "SubState", "User", "NotifyAccess", "UnitFileState")
    assert (state["ActiveState"], state["SubState"]) == ("active", "running")
    assert (state["User"], state["UnitFileState"]) == ("pi", "enabled")
    status, _, health = commands(PAGES / "headless.md")[4:7]
    assert "active (running)" in service.run(status, "pi", LONG).out
    assert "ok" in service.run(health, "pi", LONG).out
    journal = service.run("journalctl -u fer-edge --no-pager", "pi").out
    assert "Started fer-edge.service" in journal


def test_systemd_sees_the_watchdog(service: Machine) -> None:
    before = told(service, "WatchdogTimestampMonotonic", "StatusText")
    frames_go_on(service)
    time.sleep(15)
    after = told(service, "WatchdogTimestampMonotonic", "StatusText")
    assert int(after["WatchdogTimestampMonotonic"]) > int(before["WatchdogTimestampMonotonic"])
    assert "frames/s" in after["StatusText"]


def test_the_service_may_do_what_its_unit_grants_and_no_more(service: Machine) -> None:
    """A probe runs in the service's own unit, in the place of fer-edge."""
    service.run("echo secret > /home/anna/diary && chown -R anna: /home/anna; chmod 755 /home/anna")
    service.write("/home/pi/probe.py", PROBE.read_text(), "pi")
    unit = service.read("/etc/systemd/system/fer-edge.service")
    unit = re.sub(r"^ExecStart=.*", "ExecStart=python3 /home/pi/probe.py", unit, flags=re.M)
    unit = unit.replace("Type=notify", "Type=oneshot").replace("Restart=on-failure", "Restart=no")
    service.write("/etc/systemd/system/probe.service", unit)
    service.run("systemctl daemon-reload && systemctl start probe", seconds=LONG)
    said = json.loads(service.read("/var/lib/fer-edge/probe.json"))
    service.run("rm /etc/systemd/system/probe.service /var/lib/fer-edge/probe.json")
    service.run("systemctl daemon-reload")
    allowed = {what for what, error in said.items() if not error}
    own = {"write state", "read own home", "connect", "write shared memory"}
    assert allowed == own, said
    service.run("test ! -e /dev/shm/new")  # that was a memory of its own


@pytest.mark.filterwarnings("ignore:record_property is incompatible")  # it is in the report
def test_what_systemd_thinks_of_the_units_security(
    service: Machine, record_property: Callable[[str, object], None]
) -> None:
    said = service.run("systemd-analyze security fer-edge --no-pager", seconds=LONG).out
    exposure = re.search(r"Overall exposure level for fer-edge.service: ([\d.]+)", said)
    assert exposure, said
    record_property("exposure", exposure[1])
    assert float(exposure[1]) <= 3.0


def test_a_stopped_process_is_ended_by_the_watchdog_and_started_again(service: Machine) -> None:
    before = told(service, "MainPID", "NRestarts")
    service.run(f"kill -STOP {before['MainPID']}")
    wait_for_a_restart(service, before["NRestarts"])
    service.until("systemctl is-active fer-edge", seconds=LONG)
    assert told(service, "MainPID") != before["MainPID"]
    assert "Watchdog timeout" in service.run("journalctl -u fer-edge --no-pager").out
    frames_go_on(service)


@pytest.mark.parametrize("hours", [5, -9])
def test_a_clock_that_is_set_by_hours_stops_nothing(service: Machine, hours: int) -> None:
    before = told(service, "MainPID", "NRestarts")
    service.run(f"date -s '{hours} hours'")
    frames_go_on(service)
    time.sleep(20)
    frames_go_on(service)
    assert told(service, "MainPID", "NRestarts") == before
    assert "ok" in service.run("curl -s http://localhost:8080/healthz").out


def test_without_a_network_it_goes_on_and_the_broker_is_told_later(service: Machine) -> None:
    listen = "ip netns exec other mosquitto_sub -h 10.9.0.1 -t 'fer-edge/#' -C 1 -W 200 -v"
    assert service.run(listen, seconds=LONG).out
    before = told(service, "MainPID", "NRestarts")
    service.run("ip link set lan down")
    time.sleep(30)
    frames_go_on(service)
    service.run("ip link set lan up")
    fresh = listen.replace("-C 1", "-R -C 1")  # no retained ones
    assert service.run(fresh, seconds=LONG).out
    assert told(service, "MainPID", "NRestarts") == before


def test_a_full_disk_stops_nothing(service: Machine) -> None:
    before = told(service, "MainPID", "NRestarts")
    service.run("fallocate -l $(df --output=avail -B1 / | tail -1) /full")
    full = service.run("echo x > ~/more && sync", "pi", code=None)
    time.sleep(60)
    frames_go_on(service)
    service.run("rm /full")
    assert full.code != 0
    assert told(service, "MainPID", "NRestarts") == before
    frames_go_on(service)
    opened = "sqlite3.connect('/var/lib/fer-edge/seen.sqlite')"
    asked = f"import sqlite3; print(*{opened}.execute('pragma integrity_check'))"
    assert service.run(f'python3 -c "{asked}"').out == "('ok',)\n"


def test_after_too_little_memory_systemd_starts_it_again(service: Machine) -> None:
    before = told(service, "NRestarts")
    service.run("systemctl set-property --runtime fer-edge MemoryMax=20M MemorySwapMax=0")
    wait_for_a_restart(service, before["NRestarts"])
    assert "oom-kill" in service.run("journalctl -u fer-edge --no-pager").out
    service.run("systemctl set-property --runtime fer-edge MemoryMax=500M")
    service.until("systemctl is-active fer-edge", seconds=LONG)
    frames_go_on(service)


def test_it_runs_after_a_reboot(service: Machine) -> None:
    service.reboot()
    service.until("systemctl is-active fer-edge", seconds=LONG)
    frames_go_on(service)


def test_nothing_is_left_of_a_removed_service(service: Machine) -> None:
    remove = commands(PAGES / "headless.md")[7]
    assert "removed; /var/lib/fer-edge stays" in service.run(remove, "pi", LONG).out
    left = "find /etc /run/systemd /usr/lib/systemd -name '*fer-edge*' | grep -v fer-edge-kit"
    assert service.run(left, code=1).out == ""
    assert service.run("pgrep -f bin/fer-edge", code=1).out == ""
    assert service.run("~/fer/bin/fer-edge service status", "pi", LONG, code=1).said
    assert service.run("systemctl list-units --all | grep fer-edge", code=1).out == ""
