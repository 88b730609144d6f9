"""What the tests do with a whole computer, whatever runs it."""

from __future__ import annotations

import base64
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 1500.0
"""How long a boot may take: this machine may have much other work."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command of the computer gave."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class Machine(ABC):
    """A running computer, of which two disks are files that it may change.

    Attributes:
        console: A file with what it says on its console.
        data: The file of its second disk.
    """

    console: Path
    data: Path

    @abstractmethod
    def wait_until_up(self) -> None:
        """Wait until the computer takes commands, after a start or a reboot."""

    @abstractmethod
    def begin(self, command: str, user: str = "root") -> int:
        """Start a line of shell; return its number for `wait_for`."""

    @abstractmethod
    def wait_for(self, number: int, seconds: float = 300.0) -> Done:
        """Wait for the end of what `begin` started."""

    @abstractmethod
    def cut_power(self) -> None:
        """End it as a power cut does: what is not on the disks is lost."""

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
            with suppress(TimeoutError, RuntimeError):  # it has gone down since
                if self.boot_id() != before:
                    return
            time.sleep(2)
        raise AssertionError("it did not reboot")

    def boot_id(self) -> str:
        """Return what is new after each boot."""
        return self.read("/proc/sys/kernel/random/boot_id")


def wait_until(holds: Callable[[], bool], seconds: float, why: str, what: object = "") -> None:
    """Ask again and again; raise TimeoutError when it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{why}, in {seconds:.0f} s {what}")
        time.sleep(0.3)
