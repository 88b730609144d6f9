"""A USB camera and a real kernel: labels as from the file, plugged in and pulled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vm.qemu import QemuMachine
from vm.test_v4l2 import LONG, PROGRAM, journal_has, of_camera, of_file, start

pytestmark = pytest.mark.vm
NAMED = "/dev/v4l/by-id/usb-fer-edge_Test_camera-video-index0"
PULLS = 20


@pytest.fixture(scope="module")
def usb(emulated: QemuMachine) -> QemuMachine:
    """The computer with what a USB camera needs, none plugged in yet."""
    emulated.run("systemctl stop feed 2> /dev/null; modprobe -r v4l2loopback; modprobe vhci_hcd")
    camera = Path(__file__).with_name("usb_camera.py")
    emulated.write("/srv/usb_camera.py", camera.read_text(encoding="utf-8"))
    emulated.run("ffmpeg -loglevel error -i /home/pi/portrait.mp4 -frames:v 5 /srv/portrait-%d.jpg")
    return emulated


def plug_in(usb: QemuMachine) -> None:
    """Plug the camera in; return once udev has named it."""
    camera = "exec python3 /srv/usb_camera.py 640x480 /srv/portrait-*.jpg"
    usb.run(f"systemd-run --quiet --unit=usb-camera --collect sh -c '{camera}'")
    usb.until(f"test -e {NAMED}", seconds=LONG)


def pull(usb: QemuMachine) -> None:
    """Pull the camera; return once udev has forgotten it."""
    usb.run("systemctl kill --signal=KILL usb-camera")
    usb.until(f"! test -e {NAMED}", seconds=LONG)


def test_a_usb_camera_gives_the_labels_of_the_file(usb: QemuMachine) -> None:
    plug_in(usb)
    assert of_camera(usb, f"--camera {NAMED}").label == of_file(usb, "portrait").label == "happy"
    said = usb.run(f"{PROGRAM} doctor", "pi", LONG, code=None).out
    assert re.search(r"ok +cameras +video0", said), said
    pull(usb)


def test_a_usb_camera_is_pulled_and_plugged_in_twenty_times(usb: QemuMachine) -> None:
    plug_in(usb)
    start(usb, "usb", f"--camera {NAMED}")
    for _ in range(PULLS):
        since = usb.run("date +%s.%N").out.strip()
        pull(usb)
        journal_has(usb, "usb", "gives no picture; reopening it", since)
        plug_in(usb)
        journal_has(usb, "usb", "is back after", since)
        usb.until("curl -sf http://localhost:8081/healthz", seconds=LONG)
    usb.run("systemctl stop usb", seconds=LONG)
    told = usb.run("journalctl -u usb --no-pager").out
    assert told.count("is back after") == PULLS
    assert "Traceback" not in told
    pull(usb)
