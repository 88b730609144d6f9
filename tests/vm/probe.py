"""Runs on the computer in the place of fer-edge: tries what a service should not do."""

import ctypes
import json
import os
import socket
import time
from pathlib import Path


def connect() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.connect(("10.9.0.1", 1883))


def raw_packets() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


def mount() -> None:
    if ctypes.CDLL(None, use_errno=True).mount(b"none", b"/mnt", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")


DISK = next(disk for disk in ("/dev/ubda", "/dev/vda") if Path(disk).exists())
TRIED = {
    "write state": lambda: Path("mine").write_text("x"),
    "read own home": lambda: Path("/home/pi/fer-edge.toml").read_text(),
    "open camera": lambda: os.close(os.open("/dev/video0", os.O_RDWR)),
    "connect": connect,
    "write own home": lambda: Path("/home/pi/new").write_text("x"),
    "write another home": lambda: Path("/home/anna/new").write_text("x"),
    "read another home": lambda: Path("/home/anna/diary").read_text(),
    "read root's home": lambda: Path("/root", ".bashrc").read_text(),
    "write /etc": lambda: Path("/etc/new").write_text("x"),
    "write /var/lib": lambda: Path("/var/lib/new").write_text("x"),
    "write shared memory": lambda: Path("/dev/shm/new").write_text("x"),
    "read the disk": lambda: os.close(os.open(DISK, os.O_RDONLY)),
    "read the kernel's log": lambda: os.close(os.open("/dev/kmsg", os.O_RDONLY)),
    "read secrets": lambda: Path("/etc/shadow").read_text(),
    "see other processes": lambda: Path("/proc/1/status").read_text(),
    "set the clock": lambda: time.clock_settime(0, 0),
    "become root": lambda: os.setuid(0),
    "raw packets": raw_packets,
    "mount": mount,
}


def error_of(act: object) -> str:
    try:
        act()  # type: ignore[operator]
    except OSError as error:
        return str(error)
    return ""


said = {what: error_of(act) for what, act in TRIED.items()}
Path("probe.json").write_text(json.dumps(said))
