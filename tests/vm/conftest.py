"""Two computers: one at this processor's speed for the service, one emulated with cameras."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vm.image import System, cache, key_of, system
from vm.machine import START_SECONDS, Machine
from vm.qemu import LOOPBACK, QemuMachine, computer, fresh_disks
from vm.uml import UmlMachine, fresh_data_disk

CAMERA = "http://127.0.0.1:8090/"
_CAMERA_UNIT = """\
[Unit]
Description=A camera
[Service]
User=pi
WorkingDirectory=/home/pi/pictures
ExecStart=/home/pi/fer/bin/python /home/pi/camera.py 8090 happy.png portrait.png
[Install]
WantedBy=multi-user.target
"""


def show_pictures(machine: Machine) -> None:
    """Start a network camera on a computer, now and after every boot."""
    machine.write("/home/pi/camera.py", Path(__file__).with_name("camera.py").read_text())
    machine.write("/etc/systemd/system/camera.service", _CAMERA_UNIT)
    machine.run("systemctl daemon-reload && systemctl enable --now camera", seconds=600)


@pytest.fixture(scope="session")
def vm_system() -> System:
    """The disk, with fer-edge installed as the pages say."""
    if not shutil.which("mmdebstrap"):
        pytest.skip("no mmdebstrap: sudo apt install mmdebstrap")
    return system()


@pytest.fixture(scope="module")
def machine(vm_system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UmlMachine]:
    """A computer that has booted, with a network camera; the tests of a module share it."""
    if not shutil.which("linux.uml") or not shutil.which("cc"):
        pytest.skip("no User-mode Linux: sudo apt install user-mode-linux gcc libc6-dev")
    folder = tmp_path_factory.mktemp("computer")
    fresh_data_disk(folder)
    running = UmlMachine(vm_system, folder)
    try:
        running.run("systemctl is-system-running --wait", seconds=1500, code=None)
        running.run("mkdir -p /data && mount /dev/ubdb /data && chown pi: /data")
        show_pictures(running)
        yield running
    finally:
        running.cut_power()
        for disk in ("root.cow", "data.img"):
            (folder / disk).unlink()


@pytest.fixture(scope="session")
def booted(vm_system: System) -> Path:
    """A folder with the disks of an emulated computer that has booted, for `computer`."""
    for tool in ("qemu-system-x86_64", "qemu-img"):
        if not shutil.which(tool):
            pytest.skip(f"no {tool}: sudo apt install qemu-system-x86 qemu-utils")
    saved, made = cache() / "booted", cache() / "booted.key"
    key = key_of([cache() / "key", Path(__file__).with_name("qemu.py"), Path(__file__)])
    if not made.exists() or made.read_text() != key:
        made.unlink(missing_ok=True)
        fresh_disks(vm_system, saved)
        running = QemuMachine(vm_system, saved)
        try:
            running.until("systemctl is-system-running --wait", seconds=START_SECONDS)
            running.run(f"modprobe {LOOPBACK}")
            running.save(saved.name)
        finally:
            running.cut_power()
        made.write_text(key)
    return saved


@pytest.fixture(scope="module")
def emulated(
    vm_system: System, booted: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QemuMachine]:
    """An emulated computer with a camera 0; the tests of a module share it."""
    with computer(vm_system, booted, tmp_path_factory.mktemp("computer")) as running:
        yield running
