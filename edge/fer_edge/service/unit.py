"""The unit of fer-edge's systemd service.

It runs as the user who called sudo, not as one made up for it (DynamicUser): the virtual
environment commonly lies in that user's home, and a settings file of mode 0600 is theirs. All is
read-only to it but its own /var/lib/fer-edge, where relative outputs go; memory that programs share
by name (/dev/shm, which ProtectSystem leaves open) is its own, too. Other homes are hidden, since
their permissions often let everybody read. The devices are those of V4L2, of libcamera's buffers
and of vcgencmd (vcio_gencmd, on older systems vcio or vchiq).

Three more locks stay open. MemoryDenyWriteExecute: LiteRT and OpenCV do without such memory on
x86, nobody has checked on a Pi, and XNNPACK (its JIT) and libffi have wanted it. ProcSubset=pid:
XNNPACK reads /proc/cpuinfo. RemoveIPC: it takes what the user's other programs share.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fer_core.errors import ArgumentError, FerError
from fer_edge.service.places import require_seen, seen_homes
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from fer_edge.session.secrets import is_secret

NAME, STATE = "fer-edge", Path("/var/lib/fer-edge")
ENVIRONMENT_FILE = Path("/etc/fer-edge.env")
_INPUTS = ("--config", *(f"--{name}" for name in EdgeConfig.inputs()))
_OUTPUTS = tuple(f"--{name}" for name in EdgeConfig.outputs())
_ADDRESSES = ("camera", "history")
"""Settings that may be an address with a password."""
WATCHES_A_CAMERA = (
    "a service watches a camera: --camera 0, picamera or an address, camera in a --config file, or "
    f"FER_EDGE_CAMERA in {ENVIRONMENT_FILE}"
)
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
EnvironmentFile=-{environment}
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
ProtectHome=tmpfs
{homes}
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
TemporaryFileSystem=/dev/shm:mode=1777
InaccessiblePaths=-/dev/mqueue
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
    """Return the unit that runs fer-edge.

    Args:
        arguments: Those of fer-edge. Files to read become absolute, since the service runs in
            another folder.
        program: Its absolute path.
        user: Who it runs as.

    Raises:
        ArgumentError: No service can do what the arguments ask for.
        FerError: systemd cannot start the program.
    """
    names = {word.partition("=")[0] for word in arguments}
    if names & {"--video", "--demo"}:
        raise ArgumentError(WATCHES_A_CAMERA)
    if "--show" in names:
        raise ArgumentError("a service has no display: leave out --show")
    if re.search(r"[\"'\\\x00-\x1f\x7f]", str(program)):
        raise FerError(f"systemd starts nothing whose path holds a quote or a backslash: {program}")
    homes = seen_homes(program, user)
    words = [str(program), *_settled(arguments, homes)]
    command = " ".join(map(systemd_quoted, words))
    seen = [systemd_quoted(f"-{home}") for home in homes]
    return _UNIT.format(
        command=command,
        user=user.replace("%", "%%"),
        state=STATE,
        environment=ENVIRONMENT_FILE,
        homes="\n".join(f"BindReadOnlyPaths={home}" for home in seen),
    )


def service_environment(file: Path = ENVIRONMENT_FILE) -> dict[str, str]:
    """Return the variables of the file that systemd gives the service; none without a file.

    Lines are NAME=VALUE, the value perhaps in quotes; others are left out.

    Raises:
        FerError: This user may not read the file.
    """
    try:
        lines = file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FerError(f"{file} belongs to the service and cannot be read: try sudo") from error
    found = (re.fullmatch(r"""\s*(\w+)=(["']?)(.*?)\2\s*""", line) for line in lines)
    return {match[1]: match[3] for match in found if match}


def require_for_a_service(options: RunOptions, homes: Sequence[Path]) -> None:
    """Make sure that a run watches a camera, and reads and writes where a service may.

    Args:
        options: Those of the run.
        homes: The homes that the service sees.

    Raises:
        ArgumentError: It does not.
    """
    if not options.settings.camera:
        raise ArgumentError(WATCHES_A_CAMERA)
    for settings in (options.settings, *options.settings.cameras.values()):
        for name in EdgeConfig.inputs():
            value = getattr(settings, name)
            if value and not EdgeConfig.is_a_name(name, value):
                require_seen(name, Path(value), homes)
    for option in _OUTPUTS:
        name = option.removeprefix("--")
        if (where := getattr(options.settings, name)) and not _is_address(where):
            _require_own_place(name, Path(where))


def _is_address(where: str) -> bool:
    return "://" in where


def _require_own_place(name: str, path: Path) -> None:
    inside = path.is_relative_to(STATE) if path.is_absolute() else True
    if not inside or ".." in path.parts:
        raise ArgumentError(f"{name} {path}: give a relative name, it will lie in {STATE}")


def systemd_quoted(word: str) -> str:
    r"""Return a word as a command line that begins with a colon, to leave `$` alone, wants it.

    Quotes, `\x..` and `%%` are those of "Command lines" in systemd.service(5).
    """
    if _PLAIN.fullmatch(word):
        return word
    escaped = re.sub(r'(["\\])', r"\\\1", word.replace("%", "%%"))
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", escaped) + '"'


def _settled(arguments: Sequence[str], homes: Sequence[Path]) -> list[str]:
    """Return the arguments with every path as the service needs it."""
    words, option = list[str](), ""
    for word in arguments:
        name, equals, value = word.partition("=")
        if option:
            words.append(_path_word(option, word, homes))
            option = ""
        elif equals:
            words.append(f"{name}={_path_word(name, value, homes)}")
        else:
            words.append(word)
            option = word if word in (*_INPUTS, *_OUTPUTS, "--camera") else ""
    if option:
        raise ArgumentError(f"{option} needs a value")
    return words


def _path_word(option: str, value: str, homes: Sequence[Path]) -> str:
    path = Path(value)
    name = option.removeprefix("--")
    if option in _OUTPUTS and not _is_address(value):
        _require_own_place(option, path)
    if name in _ADDRESSES and is_secret(name, value):
        raise ArgumentError(
            "every user can read a unit and the command line in it. Put the address with its "
            f'password as {name} = "..." into a --config file of mode 600, and leave {option} out'
        )
    if option not in _INPUTS or EdgeConfig.is_a_name(name, value):
        return value
    if path.is_file() or (option == "--faces" and path.is_dir()):
        require_seen(option, path, homes)
        return str(path.absolute())
    raise ArgumentError(f"{option} {value}: there is no such file")
