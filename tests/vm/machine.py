"""A computer under User-mode Linux: own kernel and systemd, this processor's speed, no cameras."""

from __future__ import annotations

import base64
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

START_SECONDS = 1500.0
"""How long a boot may take: this machine may have much other work."""

AGENT = r"""
cd /host || exit 1
echo up > up.new && mv up.new up
while :; do
  for job in *.job; do
    [ -e "$job" ] || continue
    name=${job%.job}
    mv "$job" "$name.sh"
    (bash "$name.sh" > "$name.out" 2> "$name.err" < /dev/null; echo $? > "$name.new"
     mv "$name.new" "$name.code") &
  done
  sleep 0.1
done
"""
"""Runs on the computer, as a unit of its image starts it from a folder that both see."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command of the computer gave."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class Machine:
    """A running computer. It takes commands as files in a folder that it shares with this one.

    Attributes:
        console: A file with what it says on its console.
        data: The file of its second disk.
    """

    def __init__(self, disk: Path, folder: Path) -> None:
        """Boot it.

        Args:
            disk: The image of its first disk, which stays as it is.
            folder: Where its disks lie: root.cow with what it changes, and data.img.
        """
        self.console, self.data = folder / "console.log", folder / "data.img"
        self._host, self._numbers = folder / "host", count(1)
        shutil.rmtree(self._host, ignore_errors=True)
        self._host.mkdir()
        (self._host / "agent.sh").write_text(AGENT)
        words = ["linux.uml", f"ubd0={folder / 'root.cow'},{disk}", f"ubd1={self.data}"]
        words += ["root=/dev/ubda", "rw", "fer.host", "mem=1200M", f"hostfs={self._host}", "quiet"]
        words += ["con=null", "con0=null,fd:1", "ssl=null", "ssl0=null,fd:1", "console=tty0"]
        with self.console.open("wb") as said:
            self.process = subprocess.Popen(
                ["nice", "-n", "19", *words],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(folder), "LD_PRELOAD": str(_registers(folder))},
                start_new_session=True,
            )
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until the computer takes commands, after a start or a reboot."""
        up = self._host / "up"

        def is_up() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the computer is off: see {self.console}")
            return up.exists()

        try:
            wait_until(is_up, START_SECONDS, f"the computer does not come up: see {self.console}")
        except BaseException:
            self.cut_power()
            raise
        up.unlink()

    def begin(self, command: str, user: str = "root") -> int:
        """Start a line of shell; return its number for `wait_for`."""
        number = next(self._numbers)
        script = f"export LANG=C.UTF-8\n{command}\n"
        if user != "root":
            script = f"exec runuser -l {user} -s /bin/bash -c {shlex.quote(script)}\n"
        new = self._host / f"{number}.new-job"
        new.write_text(script)
        new.rename(self._host / f"{number}.job")
        return number

    def wait_for(self, number: int, seconds: float = 300.0) -> Done:
        """Wait for the end of what `begin` started."""
        code = self._host / f"{number}.code"

        def has_ended() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the computer is off: see {self.console}")
            return code.exists()

        wait_until(has_ended, seconds, "a command has not ended")
        out, err = (
            (self._host / f"{number}.{name}").read_bytes().decode(errors="replace")
            for name in ("out", "err")
        )
        return Done(int(code.read_text()), out, err)

    def run(
        self, command: str, user: str = "root", seconds: float = 300.0, code: int | None = 0
    ) -> Done:
        """Run a line of shell to its end.

        Args:
            command: For bash, as a login of the user.
            user: Who runs it.
            seconds: How long it may take.
            code: The exit status that it has to have; None for any.
        """
        done = self.wait_for(self.begin(command, user), seconds)
        if code is not None and done.code != code:
            raise AssertionError(f"{command!r} of {user} ended with {done.code}:\n{done.said}")
        return done

    def until(self, command: str, user: str = "root", seconds: float = 120.0) -> Done:
        """Repeat a line of shell until it ends with 0; return what it gave then."""
        done: list[Done] = []

        def holds() -> bool:
            done[:] = [self.run(command, user, code=None)]
            return done[0].code == 0

        wait_until(holds, seconds, f"{command!r} never held", done)
        return done[0]

    def write(self, path: str, text: str, user: str = "root") -> None:
        """Write a small text file."""
        coded = base64.b64encode(text.encode()).decode()
        self.run(f"echo {coded} | base64 -d > {path}", user)

    def read(self, path: str) -> str:
        """Return the text of a file."""
        return self.run(f"cat {path}").out

    def reboot(self) -> None:
        """Reboot it in order; return when it takes commands again."""
        before = self.boot_id()
        self.begin("systemctl reboot")
        time.sleep(5)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.wait_until_up()
            if self.boot_id() != before:
                return
            time.sleep(2)
        raise AssertionError("it did not reboot")

    def boot_id(self) -> str:
        """Return what is new after each boot."""
        return self.read("/proc/sys/kernel/random/boot_id")

    def cut_power(self) -> None:
        """End it as a power cut does: what is not on the disks is lost."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        wait_until(self._is_gone, 60, "processes of the computer are left")

    def disk_if_cut_now(self, copy: Path) -> None:
        """Copy the second disk as a power cut at this moment would leave it.

        What the computer has not yet given to its disk is in its own memory alone. So the kernel
        process is stopped while the file is copied.
        """
        self.process.send_signal(signal.SIGSTOP)
        try:
            subprocess.run(["cp", "--sparse=always", self.data, copy], check=True)
        finally:
            self.process.send_signal(signal.SIGCONT)

    def _is_gone(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


def fresh_data_disk(folder: Path) -> None:
    """Make an empty file system in data.img."""
    image = folder / "data.img"
    with image.open("wb") as file:
        file.truncate(256 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", image], check=True)


def _registers(folder: Path) -> Path:
    """Compile what User-mode Linux needs on processors of today, see registers.c."""
    library = folder / "registers.so"
    source = Path(__file__).with_name("registers.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    return library


def wait_until(holds: Callable[[], bool], seconds: float, why: str, what: object = "") -> None:
    """Ask again and again; raise TimeoutError when it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{why}, in {seconds:.0f} s {what}")
        time.sleep(0.3)
