"""The service and a camera on arm64, as on a Pi, with a kernel and systemd of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from vm import test_service, test_v4l2
from vm.conftest import show_pictures
from vm.image import System, system
from vm.machine import START_SECONDS
from vm.qemu import QemuMachine, fresh_disks
from vm.test_v4l2 import LONG, PROGRAM, Seen

pytestmark = pytest.mark.vm
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "qemu-aarch64-static": "qemu-user-static",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-img": "qemu-utils",
}
"""Programs, and the Debian packages that have them."""
HERE = "from fer_edge.cli import main; main()"


@pytest.fixture(scope="module")
def arm64_system() -> System:
    """The disk, with fer-edge installed as the pages say."""
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            pytest.skip(f"no {tool}: sudo apt install {package}")
    return system("arm64")


@pytest.fixture(scope="module")
def arm64(arm64_system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[QemuMachine]:
    """An emulated arm64 computer that has booted."""
    folder = tmp_path_factory.mktemp("computer") / "disks"
    fresh_disks(arm64_system, folder)
    running = QemuMachine(arm64_system, folder)
    try:
        running.run("systemctl is-system-running --wait", seconds=START_SECONDS, code=None)
        yield running
    finally:
        running.cut_power()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def service(arm64: QemuMachine) -> QemuMachine:
    """The computer with a network camera, and the service by the commands of its page."""
    show_pictures(arm64)
    test_service.install_service(arm64)
    return arm64


def test_an_arm64_computer_boots(arm64: QemuMachine) -> None:
    assert arm64.run("uname -m").out == "aarch64\n"
    assert arm64.run("systemctl is-system-running").out == "running\n"


def test_on_arm64_a_portrait_gets_the_label_of_this_processor(
    arm64_system: System, arm64: QemuMachine
) -> None:
    words = ("--no-show", "--quiet", "--json", "-")
    portrait = arm64_system.disk.with_name("share") / "pictures" / "portrait.png"
    done = subprocess.run(
        [sys.executable, "-c", HERE, *words, portrait], capture_output=True, text=True, check=True
    )
    here = test_v4l2.seen(done.stdout)
    there = arm64.run(f"{PROGRAM} {' '.join(words)} ~/pictures/portrait.png", "pi", LONG)
    assert_same(test_v4l2.seen(there.out), here)


def assert_same(there: Seen, here: Seen) -> None:
    assert there.label == here.label == "happy"
    assert abs(there.shares - here.shares).max() < 0.02


def test_on_arm64_the_service_is_ready_by_its_own_word(service: QemuMachine) -> None:
    test_service.test_the_service_is_ready_by_its_own_word(service)


def test_on_arm64_systemd_sees_the_watchdog(service: QemuMachine) -> None:
    test_service.test_systemd_sees_the_watchdog(service)


def test_on_arm64_it_runs_after_a_reboot(service: QemuMachine) -> None:
    test_service.test_it_runs_after_a_reboot(service)


def test_on_arm64_nothing_is_left_of_a_removed_service(service: QemuMachine) -> None:
    test_service.test_nothing_is_left_of_a_removed_service(service)


def test_on_arm64_a_camera_gives_frames(arm64: QemuMachine) -> None:
    """A camera of vivid, which shows a test picture; larger ones take all the time there is."""
    arm64.run("modprobe vivid n_devs=1 node_types=0x1", seconds=LONG)
    arm64.until("test -e /dev/video0", seconds=LONG)
    test_v4l2.start(arm64, "camera-0", "--camera 0 --size 320x180")
    arm64.run("systemctl stop camera-0", seconds=LONG)
    test_v4l2.journal_has(arm64, "camera-0", "[1-9][0-9,]* frame")
    arm64.run("modprobe -r vivid", seconds=LONG)
