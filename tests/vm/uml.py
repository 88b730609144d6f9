"""A computer under User-mode Linux: own kernel and systemd, this processor's speed, no cameras."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from itertools import count
from pathlib import Path

from vm.image import System
from vm.machine import START_SECONDS, Done, Machine, wait_until

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


class UmlMachine(Machine):
    """A running computer. It takes commands as files in a folder that it shares with this one."""

    def __init__(self, system: System, folder: Path) -> None:
        """Boot it.

        Args:
            system: Its first disk, which stays as it is.
            folder: Where its disks lie: root.cow with what it changes, and data.img.
        """
        self.console, self.data = folder / "console.log", folder / "data.img"
        self._host, self._numbers = folder / "host", count(1)
        shutil.rmtree(self._host, ignore_errors=True)
        self._host.mkdir()
        (self._host / "agent.sh").write_text(AGENT)
        words = ["linux.uml", f"ubd0={folder / 'root.cow'},{system.disk}", f"ubd1={self.data}"]
        words += ["root=/dev/ubda", "rw", f"fer.host={self._host}", "mem=2000M", "quiet"]
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
