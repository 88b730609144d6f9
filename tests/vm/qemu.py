"""A computer under QEMU, whose processor is emulated: with cameras, and snapshots to go on from."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vm.image import System
from vm.machine import START_SECONDS, Done, Machine, wait_until

LOOPBACK = "v4l2loopback video_nr=0 card_label=Face exclusive_caps=1"
"""Module and options of camera 0."""
DISKS = ("root.qcow2", "data.qcow2")


class JsonSocket:
    """One JSON object a line, there and back: QMP and the guest agent both speak so."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        wait_until(lambda: self._connects(path), 30, f"{path} takes no connection")
        self._rest = b""

    def _connects(self, path: Path) -> bool:
        try:
            self._socket.connect(str(path))
        except OSError:
            return False
        return True

    def send(self, command: str, arguments: dict[str, Any] | None = None) -> None:
        words = {"execute": command, **({"arguments": arguments} if arguments else {})}
        self._socket.sendall(json.dumps(words).encode() + b"\n")

    def read(self, seconds: float) -> dict[str, Any]:
        """Return the next object; raise TimeoutError when none comes in time."""
        self._socket.settimeout(seconds)
        while b"\n" not in self._rest:
            got = self._socket.recv(1 << 16)
            if not got:
                raise ConnectionError("the computer is off")
            self._rest += got
        line, _, self._rest = self._rest.partition(b"\n")
        said: dict[str, Any] = json.loads(line.lstrip(b"\xff"))
        return said

    def ask(self, command: str, seconds: float = 60.0, **arguments: Any) -> Any:
        """Return the answer to a command; events that come before it are left out."""
        self.send(command, arguments)
        while True:
            answer = self.read(seconds)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def close(self) -> None:
        self._socket.close()


class QemuMachine(Machine):
    """A running computer.

    Its disks are files that it may change. Commands go through the guest agent of QEMU, which needs
    no network. With a snapshot the computer goes on where that was taken, without booting.
    """

    def __init__(self, system: System, folder: Path, snapshot: str = "") -> None:
        """Start it.

        Args:
            system: Its architecture, kernel and initrd.
            folder: Where its disks lie, root.qcow2 and data.qcow2.
            snapshot: Where it goes on, the name of a snapshot in them; empty for a boot.
        """
        self._sockets = {name: folder / f"{name}.sock" for name in ("qmp", "agent")}
        for path in self._sockets.values():
            path.unlink(missing_ok=True)
        self.console, self.data = folder / "console.log", folder / "data.qcow2"
        words = [
            *_PROCESSORS[system.architecture],
            *self._channels(),
            *_disk(folder / "root.qcow2", _UNLOCKED),
            *_disk(self.data),
        ]
        words += ["-kernel", str(system.kernel), "-initrd", str(system.initrd)]
        console = _CONSOLES[system.architecture]
        words += ["-append", f"root=/dev/vda rw console={console} quiet mitigations=off audit=0"]
        words += ["-loadvm", snapshot] if snapshot else []
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        self._agent: JsonSocket | None = None
        try:
            self._qmp = JsonSocket(self._sockets["qmp"])
            self._qmp.read(60)
            self._qmp.ask("qmp_capabilities")
            self.wait_until_up()
        except BaseException:
            self.process.kill()
            raise

    def _channels(self) -> list[str]:
        agent, qmp = self._sockets["agent"], self._sockets["qmp"]
        words = ["-qmp", f"unix:{qmp},server=on,wait=off", "-device", "virtio-serial-pci"]
        words += ["-chardev", f"socket,path={agent},server=on,wait=off,id=agent"]
        words += ["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
        return [*words, "-serial", f"file:{self.console}"]

    def wait_until_up(self) -> None:
        """Wait until the computer takes commands, after a start or a reboot."""
        if self._agent:
            self._agent.close()
        self._agent = JsonSocket(self._sockets["agent"])

        def is_there() -> bool:
            assert self._agent
            number = time.monotonic_ns() % 2**31
            self._agent.send("guest-sync", {"id": number})
            try:
                while self._agent.read(10).get("return") != number:
                    pass  # answers to what was asked before
            except TimeoutError:
                return False
            return True

        wait_until(is_there, START_SECONDS, f"the computer does not come up: see {self.console}")

    def begin(self, command: str, user: str = "root") -> int:
        """Start a line of shell; return its process number for `wait_for`."""
        assert self._agent
        words = (
            ["-c", command] if user == "root" else ["-l", user, "-s", "/bin/bash", "-c", command]
        )
        path = "/bin/bash" if user == "root" else "/sbin/runuser"
        ways = {"path": path, "arg": words, "env": _ENVIRONMENT, "capture-output": True}
        return int(self._agent.ask("guest-exec", **ways)["pid"])

    def wait_for(self, process: int, seconds: float = 300.0) -> Done:
        """Wait for the end of what `begin` started."""
        assert self._agent
        deadline = time.monotonic() + seconds
        while not (state := self._agent.ask("guest-exec-status", pid=process))["exited"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"a command has not ended within {seconds:.0f} s")
            time.sleep(0.2)
        out, err = (
            base64.b64decode(state.get(name, "")).decode(errors="replace")
            for name in ("out-data", "err-data")
        )
        return Done(state.get("exitcode", -state.get("signal", 0)), out, err)

    def monitor(self, line: str, seconds: float = 300.0) -> str:
        """Return what QEMU's monitor answers."""
        said = self._qmp.ask("human-monitor-command", seconds, **{"command-line": line})
        if "error" in said.lower():
            raise RuntimeError(f"{line}: {said}")
        return str(said)

    def save(self, snapshot: str) -> None:
        """Save the whole state into the disk under a name."""
        self.run("sync")
        self.monitor(f"savevm {snapshot}")

    def cut_power(self) -> None:
        """End it as a power cut does: what is not on the disk is lost."""
        self.process.kill()
        self.process.wait()
        for channel in (self._qmp, self._agent):
            if channel:
                channel.close()


_REST = ("-accel", "tcg,thread=multi", "-smp", "2", "-m", "1536", "-display", "none", "-nodefaults")
_PROCESSORS = {
    "amd64": ("nice", "-n", "19", "qemu-system-x86_64", "-cpu", "max", "-vga", "none", *_REST),
    "arm64": (
        *("nice", "-n", "19", "qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72"),
        *_REST,
    ),
}
_CONSOLES = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
_ENVIRONMENT = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]


_UNLOCKED = ",backing.file.locking=off"
"""The image of Debian is only read: a computer under User-mode Linux may hold it, too."""


def _disk(file: Path, more: str = "") -> list[str]:
    return ["-drive", f"file={file},format=qcow2,if=virtio,cache=writeback{more}"]


@contextmanager
def computer(system: System, saved: Path, folder: Path) -> Iterator[QemuMachine]:
    """A computer that goes on from a snapshot, on a copy of its disks in a folder of its own.

    Args:
        system: Its kernel and initrd.
        saved: A folder with its disks, which bears the snapshot's name.
        folder: Where the copies lie meanwhile.
    """
    for name in DISKS:
        shutil.copyfile(saved / name, folder / name)
    machine = QemuMachine(system, folder, saved.name)
    try:
        yield machine
    finally:
        machine.cut_power()
        (folder / "root.qcow2").unlink()


def fresh_disks(system: System, folder: Path) -> None:
    """Make a folder with the disks of a computer that has never booted."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root, data = (folder / name for name in DISKS)
    make = ["qemu-img", "create", "-q", "-f", "qcow2"]
    subprocess.run([*make, "-b", system.disk, "-F", "raw", root], check=True)
    subprocess.run([*make, data, "256M"], check=True)
