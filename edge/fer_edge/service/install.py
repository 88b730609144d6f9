"""The systemd service of fer-edge: how it is installed, asked after and removed."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import write_text
from fer_edge.service.unit import NAME, unit_text

UNIT = Path("/etc/systemd/system/fer-edge.service")
BOOTED = Path("/run/systemd/system")  # there when systemd runs the computer, sd_booted(3)


def this_program() -> Path:
    """Return the fer-edge that was typed, else the one beside this Python."""
    typed = Path(sys.argv[0])
    return (typed if typed.name == NAME else Path(sys.executable).with_name(NAME)).resolve()


def this_user() -> str:
    """Return who called sudo, else who runs this.

    Raises:
        FerError: That is no user's name.
    """
    name = os.environ.get("SUDO_USER") or getpass.getuser()
    if not re.fullmatch(r"[\w][\w.@$-]{0,255}", name, re.ASCII):
        raise FerError(f"{name!r} is no name of a user, which a service needs: see $SUDO_USER")
    return name


Done = subprocess.CompletedProcess[str]


def run_command(words: Sequence[str]) -> Done:
    """Run a command to its end.

    Raises:
        FerError: There is none of that name.
    """
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise FerError(f"cannot run {words[0]}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Service:
    """The service on this computer; places, runner and user id are given anew by tests."""

    program: Path = field(default_factory=this_program)
    unit: Path = UNIT
    booted: Path = BOOTED
    run: Callable[[Sequence[str]], Done] = run_command
    user_id: int = field(default_factory=getattr(os, "geteuid", lambda: -1))

    def install(self, arguments: Sequence[str], user: str) -> None:
        """Write the unit and start it, now and at every boot; one that runs is started anew.

        Args:
            arguments: Those of fer-edge.
            user: Who it runs as.

        Raises:
            FerError: There is no systemd, this is not root, or the service does not come up.
            ArgumentError: No service can do what the arguments ask for.
        """
        text = unit_text(arguments, self.program, user)
        self._need_root("install", *arguments)
        write_text(self.unit, text)
        self._systemctl("daemon-reload")
        self._systemctl("enable", NAME)
        if self.run(["systemctl", "restart", NAME]).returncode:
            raise FerError(
                f"installed, but it does not come up: journalctl -u {NAME} says why",
                see="service-fails",
            )

    def status(self) -> Done:
        """Return what systemd says of the service, with return code 0 when it is active."""
        self._need_systemd()
        return self.run(["systemctl", "status", NAME, "--no-pager"])

    def remove(self) -> bool:
        """Stop and forget the service, keeping what it recorded; return whether there was one."""
        self._need_root("remove")
        if not self.unit.exists():
            return False
        self._systemctl("disable", "--now", NAME)
        self.unit.unlink()
        self._systemctl("daemon-reload")
        self.run(["systemctl", "reset-failed", NAME])  # fails where nothing had failed
        return True

    def _systemctl(self, *words: str) -> None:
        done = self.run(["systemctl", *words])
        if done.returncode:
            raise FerError(f"systemctl {' '.join(words)} failed: {done.stderr.strip()}")

    def _need_systemd(self) -> None:
        if not self.booted.is_dir():
            raise FerError(
                "a service needs Linux with systemd, which does not run this computer",
                see="service-needs-systemd",
            )

    def _need_root(self, *words: str) -> None:
        self._need_systemd()
        if self.user_id != 0:
            typed = shlex.join(["sudo", str(self.program), "service", *words])
            raise FerError(
                f"a service is root's to change; type: {typed}", see="service-needs-root"
            )
