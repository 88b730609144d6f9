"""The systemd service of fer-edge: its unit, and how it is installed, asked after and removed.

It runs as the user who called sudo, not as one made up for it (DynamicUser): the virtual
environment commonly lies in that user's home, and a settings file of mode 0600 is theirs. All is
read-only to it but its own /var/lib/fer-edge, where relative outputs go. The devices are those of
V4L2, of libcamera's buffers and of vcgencmd (vcio_gencmd, on older systems vcio or vchiq).

Three more locks stay open. MemoryDenyWriteExecute: LiteRT and OpenCV do without such memory on
x86, nobody has checked on a Pi, and XNNPACK (its JIT) and libffi have wanted it. ProcSubset=pid:
XNNPACK reads /proc/cpuinfo. RemoveIPC: it takes what the user's other programs share.
"""

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

from fer_core.errors import ArgumentError, FerError
from fer_core.files import write_text

NAME, STATE = "fer-edge", Path("/var/lib/fer-edge")
UNIT = Path("/etc/systemd/system/fer-edge.service")
BOOTED = Path("/run/systemd/system")  # there when systemd runs the computer, sd_booted(3)
_INPUTS = ("--config", "--model", "--video", "--faces")
_OUTPUTS = ("--json", "--events", "--save", "--plot")
_PLAIN = re.compile(r"[\w@+=:,./-]+", re.ASCII)
_UNIT = """\
# Written by: fer-edge service install
[Unit]
Description=Facial expressions from a camera (fer-edge)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
# The colon keeps $ as it is.
ExecStart=:{command}
User={user}
SupplementaryGroups=video
EnvironmentFile=-/etc/fer-edge.env
StateDirectory=fer-edge
StateDirectoryMode=0700
WorkingDirectory={state}
UMask=0077
WatchdogSec=60
Restart=on-failure
RestartSec=15
TimeoutStartSec=600
# 2: wrong arguments, which stay wrong. 130: ended by a signal, as asked.
RestartPreventExitStatus=2
SuccessExitStatus=130
TimeoutStopSec=30
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-media rw
DeviceAllow=char-dma_heap rw
DeviceAllow=/dev/udmabuf rw
DeviceAllow=/dev/vcio_gencmd rw
DeviceAllow=/dev/vcio rw
DeviceAllow=/dev/vchiq rw

[Install]
WantedBy=multi-user.target
"""


def unit_text(arguments: Sequence[str], program: Path, user: str) -> str:
    """Return the unit that runs `program` (absolute) with the arguments of fer-edge.

    Files to read become absolute, since the service runs in another folder. Raises ArgumentError
    for what no service can do, FerError for a program systemd cannot start.
    """
    names = {word.partition("=")[0] for word in arguments}
    if "--camera" not in names or names & {"--video", "--demo"}:
        raise ArgumentError("a service watches a camera: --camera 0, picamera or an address")
    if "--show" in names:
        raise ArgumentError("a service has no display: leave out --show")
    if re.search(r"[\"'\\\x00-\x1f\x7f]", str(program)):
        raise FerError(f"systemd starts nothing whose path holds a quote or a backslash: {program}")
    words = [str(program), *_settled(arguments)]
    command = " ".join(map(systemd_quoted, words))
    return _UNIT.format(command=command, user=user.replace("%", "%%"), state=STATE)


def systemd_quoted(word: str) -> str:
    r"""Return a word as a command line that begins with a colon, to leave `$` alone, wants it.

    Quotes, `\x..` and `%%` are those of "Command lines" in systemd.service(5).
    """
    if _PLAIN.fullmatch(word):
        return word
    escaped = re.sub(r'(["\\])', r"\\\1", word.replace("%", "%%"))
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", escaped) + '"'


def _settled(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with every path as the service needs it."""
    words, option = list[str](), ""
    for word in arguments:
        name, equals, value = word.partition("=")
        if option:
            words.append(_path_word(option, word))
            option = ""
        elif equals:
            words.append(f"{name}={_path_word(name, value)}")
        else:
            words.append(word)
            option = word if word in (*_INPUTS, *_OUTPUTS) else ""
    if option:
        raise ArgumentError(f"{option} needs a value")
    return words


def _path_word(option: str, value: str) -> str:
    path = Path(value)
    if option in _OUTPUTS and path.is_absolute() and not path.is_relative_to(STATE):
        raise ArgumentError(f"{option} {value}: give a relative name, it will lie in {STATE}")
    if option not in _INPUTS:
        return value
    if path.is_file() or (option == "--faces" and path.is_dir()):
        return str(path.absolute())
    if option == "--model" and path.suffix != ".tflite":
        return value  # the name of a shipped one
    raise ArgumentError(f"{option} {value}: there is no such file")


def this_program() -> Path:
    """Return the fer-edge that was typed, else the one beside this Python."""
    typed = Path(sys.argv[0])
    return (typed if typed.name == NAME else Path(sys.executable).with_name(NAME)).resolve()


def this_user() -> str:
    """Return who called sudo, else who runs this."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


Done = subprocess.CompletedProcess[str]


def run_command(words: Sequence[str]) -> Done:
    """Run a command to its end; raise FerError when there is none of that name."""
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

        Raises FerError without systemd, without root, or when the service does not come up.
        """
        text = unit_text(arguments, self.program, user)
        self._need_root("install", *arguments)
        write_text(self.unit, text)
        self._systemctl("daemon-reload")
        self._systemctl("enable", NAME)
        if self.run(["systemctl", "restart", NAME]).returncode:
            raise FerError(f"installed, but it does not come up: journalctl -u {NAME} says why")

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
            raise FerError("a service needs Linux with systemd, which does not run this computer")

    def _need_root(self, *words: str) -> None:
        self._need_systemd()
        if self.user_id != 0:
            typed = shlex.join(["sudo", str(self.program), "service", *words])
            raise FerError(f"a service is root's to change; type: {typed}")
