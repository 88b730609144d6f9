"""A computer that has booted, with a network camera on its loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vm.image import disk
from vm.machine import Machine, fresh_data_disk

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


@pytest.fixture(scope="session")
def vm_disk() -> Path:
    """The disk, with fer-edge installed as the pages say."""
    if not shutil.which("mmdebstrap"):
        pytest.skip("no mmdebstrap: sudo apt install mmdebstrap")
    return disk()


@pytest.fixture(scope="module")
def machine(vm_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A computer that has booted, with a network camera; the tests of a module share it."""
    if not shutil.which("linux.uml") or not shutil.which("cc"):
        pytest.skip("no User-mode Linux: sudo apt install user-mode-linux gcc libc6-dev")
    folder = tmp_path_factory.mktemp("computer")
    fresh_data_disk(folder)
    running = Machine(vm_disk, folder)
    try:
        running.run("systemctl is-system-running --wait", seconds=1500, code=None)
        running.run("mkdir -p /data && mount /dev/ubdb /data && chown pi: /data")
        running.write("/home/pi/camera.py", Path(__file__).with_name("camera.py").read_text())
        running.write("/etc/systemd/system/camera.service", _CAMERA_UNIT)
        running.run("systemctl daemon-reload && systemctl enable --now camera", seconds=600)
        yield running
    finally:
        running.cut_power()
        for disk in ("root.cow", "data.img"):
            (folder / disk).unlink()
