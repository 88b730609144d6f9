"""Cameras of a real V4L2: a face as from a file, in use, forbidden, gone and back, odd formats."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from vm.image import PAGES
from vm.page import commands
from vm.qemu import LOOPBACK, QemuMachine

pytestmark = pytest.mark.vm
LONG = 600.0
PROGRAM = "/home/pi/fer/bin/fer-edge"
RULE = 'SUBSYSTEM=="video4linux", ATTR{name}=="vivid-000-vid-cap", SYMLINK+="v4l/by-id/test-index0"'
NAMED = "/dev/v4l/by-id/test-index0"
FEED = (
    "ffmpeg -loglevel error -re -stream_loop -1 -f rawvideo -pixel_format yuyv422"
    " -video_size 640x480 -framerate 5 -i /home/pi/{clip}.yuv {coded} -f v4l2 /dev/video0"
)
CODED = {
    "yuyv422": "",
    "uyvy422": "-pix_fmt uyvy422",
    "nv12": "-pix_fmt nv12",
    "yuv420p": "-pix_fmt yuv420p",
    "rgb24": "-pix_fmt rgb24",
    "mjpeg": "-c:v mjpeg -q:v 2 -pix_fmt yuvj422p",
}
STUCK = "a search for faces has not ended in 30 s"
"""What ends fer-edge on an emulated processor that has much other work."""
LINES = """
rm -f lines; touch lines
{command} > lines & edge=$!
for second in $(seq 400); do
  [ $(wc -l < lines) -lt {count} ] && kill -0 $edge && sleep 1 || break
done
kill $edge; wait $edge
cat lines
"""
"""Lets fer-edge run until it has written so many lines: it is slow here."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What observations say: their most frequent label, and mean probabilities (7,)."""

    label: str
    shares: np.ndarray


def show(emulated: QemuMachine, clip: str, pixels: str = "yuyv422") -> None:
    """Have camera 0 show a clip from now on, 5 pictures a second."""
    emulated.run("systemctl stop feed 2> /dev/null; true")
    emulated.run(f"modprobe -r v4l2loopback && modprobe {LOOPBACK}")  # it shows a format once
    feed = FEED.format(clip=clip, coded=CODED[pixels])
    emulated.run(f"systemd-run --quiet --unit=feed --collect {feed}")
    emulated.until("v4l2-ctl -d /dev/video0 --list-formats | grep -q '\\[0\\]'", seconds=LONG)


def seen(text: str) -> Seen:
    """Return what lines of `--json` say."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    shares = np.array([list(line["probabilities"].values()) for line in lines])
    (label, _), *_ = Counter(line["label"] for line in lines).most_common()
    return Seen(label, shares.mean(axis=0))


def of_file(emulated: QemuMachine, clip: str) -> Seen:
    words = f"{PROGRAM} --no-show --quiet --json - --video /home/pi/{clip}.mp4"
    return seen(emulated.run(words, "pi", LONG).out)


def of_camera(emulated: QemuMachine, words: str = "--camera 0") -> Seen:
    command = f"{PROGRAM} --no-show --quiet --json - {words}"
    done = emulated.run(LINES.format(command=command, count=6), "pi", LONG)
    assert done.out, done.err
    return seen(done.out)


def test_the_camera_page(emulated: QemuMachine) -> None:
    """Its commands, but for those that installed fer-edge while the disk was made."""
    show(emulated, "portrait")
    _, apt, devices, formats, *typed = commands(PAGES / "usb-camera.md")
    assert "v4l-utils is already the newest version" in emulated.run(apt, "pi", LONG).out
    assert "/dev/video0" in emulated.run(devices, "pi", LONG).out
    assert "YUYV" in emulated.run(formats, "pi", LONG).out
    doctor, run = (line for line in typed if line.startswith("fer-edge "))
    enter = ". ~/fer/bin/activate\n"
    said = emulated.run(enter + doctor, "pi", LONG, code=None).out
    assert re.search(r"cameras +video0", said), said
    for _ in range(5):
        done = emulated.run(enter + LINES.format(command=run, count=1), "pi", LONG)
        if STUCK not in done.err:
            break
    assert done.out, done.err
    first = json.loads(done.out.splitlines()[0])
    assert (first["kind"], first["label"]) == ("started", "happy")


def test_a_camera_gives_the_labels_of_the_file(emulated: QemuMachine) -> None:
    show(emulated, "portrait")
    filed, live = of_file(emulated, "portrait"), of_camera(emulated)
    assert live.label == filed.label == "happy"
    assert np.abs(live.shares - filed.shares).max() < 0.1


def test_a_camera_gives_the_probabilities_of_the_file(emulated: QemuMachine) -> None:
    """Of a drawn face that is nearly as sad as neutral, so its label is a matter of few frames."""
    show(emulated, "neutral")
    filed, live = of_file(emulated, "neutral"), of_camera(emulated)
    assert {filed.label, live.label} <= {"sad", "neutral"}
    assert np.abs(live.shares - filed.shares).max() < 0.2  # noise, and six frames alone


@pytest.mark.parametrize("pixels", [name for name in CODED if name != "yuyv422"])
def test_other_pixel_formats_give_the_same_label(emulated: QemuMachine, pixels: str) -> None:
    show(emulated, "portrait", pixels)
    assert of_camera(emulated).label == "happy"


def test_a_size_that_the_camera_lacks_leaves_its_own(emulated: QemuMachine) -> None:
    show(emulated, "portrait")
    assert of_camera(emulated, "--camera 0 --size 123x77").label == "happy"


def test_a_camera_without_permission_is_not_opened(emulated: QemuMachine) -> None:
    emulated.run("chmod 755 /home/pi")
    said = emulated.run(f"cd /; {PROGRAM} --camera 0 --no-show", "anna", LONG, code=1).err
    assert "not allowed to open /dev/video0: sudo usermod -aG video $USER" in said


def test_a_number_without_a_camera_names_those_that_are_there(emulated: QemuMachine) -> None:
    said = emulated.run(f"{PROGRAM} --camera 9 --no-show", "pi", LONG, code=1).err
    assert "there is no camera 9 (/dev/video9); found: 0" in said


def test_the_service_sees_the_camera_that_its_unit_grants(emulated: QemuMachine) -> None:
    show(emulated, "portrait")
    install = "sudo ~/fer/bin/fer-edge service install --camera 0 --serve 8080"
    assert "fer-edge runs" in emulated.run(install, "pi", LONG).out
    emulated.until("curl -sf http://localhost:8080/healthz", seconds=LONG)
    assert "DeviceAllow=char-video4linux rw" in emulated.run("systemctl cat fer-edge").out
    emulated.run("sudo ~/fer/bin/fer-edge service remove", "pi", LONG)


@pytest.fixture(scope="module")
def vivid(emulated: QemuMachine) -> str:
    """The number of a camera of vivid, which has a name of its own as USB cameras have."""
    emulated.run("systemctl stop feed 2> /dev/null; true")
    emulated.write("/etc/udev/rules.d/90-test.rules", RULE)
    emulated.run("udevadm control --reload && modprobe vivid n_devs=1 node_types=0x1", seconds=LONG)
    return number(emulated)


def number(emulated: QemuMachine) -> str:
    """Return the number that vivid's camera has now."""
    link = emulated.until(f"readlink -e {NAMED}", seconds=LONG).out.strip()
    return link.removeprefix("/dev/video")


def start(emulated: QemuMachine, unit: str, words: str) -> None:
    """Start fer-edge as a unit whose page is 8081; return when frames come."""
    run = f"systemd-run --quiet --uid=pi --unit={unit} {PROGRAM} --no-show --serve 8081"
    emulated.run(f"{run} {words}")
    emulated.until("curl -sf http://localhost:8081/healthz", seconds=LONG)


def journal_has(emulated: QemuMachine, unit: str, words: str, since: str = "0") -> None:
    """Wait until a unit has said something, since a second of the Unix clock."""
    journal = f"journalctl -u {unit} --no-pager --since=@{since}"
    try:
        emulated.until(f"{journal} | grep -q '{words}'", seconds=LONG)
    except TimeoutError as error:
        error.add_note(emulated.run(f"{journal} -n 20", seconds=LONG).out)
        raise


def test_a_camera_in_use_is_said_to_be(emulated: QemuMachine, vivid: str) -> None:
    emulated.run(f"systemd-run --unit=holder v4l2-ctl -d {vivid} --stream-mmap --stream-count=0")
    emulated.until(f"fuser /dev/video{vivid}", seconds=LONG)
    said = emulated.run(f"{PROGRAM} --no-show --camera {vivid}", "pi", LONG, code=1).err
    emulated.run("systemctl stop holder")
    assert f"in use by another program (fuser /dev/video{vivid})" in said


@pytest.mark.parametrize("size", ["320x180", "1280x720", "1920x1080"])
def test_a_camera_of_odd_sizes_gives_frames(emulated: QemuMachine, vivid: str, size: str) -> None:
    unit = f"size-{size}"
    start(emulated, unit, f"--camera {vivid} --size {size}")
    emulated.run(f"systemctl stop {unit}", seconds=LONG)
    journal_has(emulated, unit, "[1-9][0-9,]* frame")


def test_a_camera_that_is_unplugged_comes_back_under_another_number(
    emulated: QemuMachine, vivid: str
) -> None:
    driver = "/sys/bus/platform/drivers/vivid"
    start(emulated, "named", f"--camera {NAMED}")
    emulated.run(f"echo vivid.0 > {driver}/unbind", seconds=LONG)
    journal_has(emulated, "named", "gives no picture; reopening it")
    another = f"v4l2loopback devices=2 video_nr=0,{vivid}"  # takes the number that is free now
    emulated.run(f"modprobe -r v4l2loopback && modprobe {another}", seconds=LONG)
    emulated.run(f"echo vivid.0 > {driver}/bind", seconds=LONG)
    assert number(emulated) != vivid
    journal_has(emulated, "named", "is back after")
    emulated.until("curl -sf http://localhost:8081/healthz", seconds=LONG)
    emulated.run("systemctl stop named", seconds=LONG)
