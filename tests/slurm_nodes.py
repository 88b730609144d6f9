"""A Slurm of several nodes on this computer, each in namespaces for network and processes.

Linux as root, with `apt install slurmctld slurmd slurm-client munge`. Nothing of it leaves the
computer: the nodes share a bridge without an address.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "ip", "unshare", "nsenter")
_NETWORK = "10.213.77"
_CONFIG = """\
ClusterName=namespaces
SlurmctldHost=n1
AuthInfo=socket={place}/munge.socket
SlurmUser=root
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool-%n
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd-%n.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
ReturnToService=2
KillWait=2
SlurmdTimeout=10
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=n[1-{count}] CPUs={cpus} RealMemory=1000
PartitionName=all Nodes=ALL Default=YES State=UP
"""


def missing() -> str:
    """Return what this computer lacks for it, empty where nothing is."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "namespaces need root"
    lacks = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"apt has {', '.join(lacks)}" if lacks else ""


@dataclass(frozen=True, slots=True)
class Slurm:
    """A running Slurm.

    Attributes:
        nodes: The process that is the first one of each node's namespace, by the node's name.
    """

    place: Path
    nodes: dict[str, int]

    def run(self, *command: str | Path, node: str = "n1", **env: str) -> str:
        """Run a command on a node; return what it prints.

        Raises:
            CalledProcessError: It fails.
        """
        inside = ["nsenter", "--all", f"--target={self.nodes[node]}", f"--wd={self.place}"]
        return subprocess.run(
            [*inside, *map(str, command)],
            env={**os.environ, "SLURM_CONF": str(self.place / "slurm.conf"), **env},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def state(self, job: str) -> str:
        """Return how a job stands, such as RUNNING or COMPLETED."""
        words = self.run("scontrol", "show", "job", job, "--oneliner").split()
        return next(word.partition("=")[2] for word in words if word.startswith("JobState="))

    def wait(self, job: str, seconds: float, states: Sequence[str]) -> str:
        """Wait until a job is in one of some states; return the one that it is in."""
        ends = time.monotonic() + seconds
        while (state := self.state(job)) not in states and time.monotonic() < ends:
            time.sleep(0.5)
        return state


@contextmanager
def slurm_nodes(place: Path, count: int, cpus: int = 1) -> Iterator[Slurm]:
    """Run a controller and so many nodes, n1, n2 and so on, while the block runs.

    Args:
        place: An empty folder with a short name, for all that they write.
        cpus: How many cores a node has, as it is said to Slurm.
    """
    bridge = f"slurm{os.getpid() % 100_000}"
    names = [f"n{index}" for index in range(1, count + 1)]
    addresses = {name: f"{_NETWORK}.{index}" for index, name in enumerate(names, 1)}
    lines = ["127.0.0.1 localhost", *(f"{addresses[name]} {name}" for name in names)]
    (place / "hosts").write_text("\n".join(lines) + "\n")
    (place / "slurm.conf").write_text(_CONFIG.format(place=place, count=count, cpus=cpus))
    (place / "munge.key").write_bytes(os.urandom(128))
    (place / "munge.key").chmod(0o600)
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("link", "set", bridge, "up")
        stack.enter_context(_munge(place))
        nodes = {
            name: stack.enter_context(_node(place, bridge, name, addresses[name])) for name in names
        }
        slurm = Slurm(place, nodes)
        stack.enter_context(_daemon(slurm, "n1", "slurmctld", "-D"))
        for name in names:
            stack.enter_context(_daemon(slurm, name, "slurmd", "-D"))
        _await_idle(slurm, count)
        yield slurm


@contextmanager
def _node(place: Path, bridge: str, name: str, address: str) -> Iterator[int]:
    """Make namespaces with a network, a name, processes and a /tmp/ray of their own."""
    script = (
        f"hostname {name}; mount --bind {place}/hosts /etc/hosts; mkdir -p /tmp/ray; "
        "mount -t tmpfs none /tmp/ray; mount -t tmpfs none /dev/shm; echo ready; "
        "while true; do sleep 1; done"
    )
    kinds = ["--net", "--uts", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    command = ["unshare", *kinds, "bash", "-c", script]
    outer = f"v{os.getpid() % 100_000}{name}"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout
            assert parent.stdout.readline() == "ready\n"
            children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
            inside = int(children)
            inner = ("peer", "name", "eth0", "netns", str(inside))
            _ip("link", "add", outer, "type", "veth", *inner)
            _ip("link", "set", outer, "master", bridge, "up")
            for words in (
                ("address", "add", f"{address}/24", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
                ("link", "set", "lo", "up"),
            ):
                subprocess.run(["nsenter", "--net", f"--target={inside}", "ip", *words], check=True)
            yield inside
        finally:
            _ip("link", "delete", outer)
            parent.kill()  # and all of its namespace with it


@contextmanager
def _munge(place: Path) -> Iterator[None]:
    """Run munged, which says to Slurm's parts who they are."""
    options = {
        "key-file": "munge.key",
        "socket": "munge.socket",
        "pid-file": "munged.pid",
        "log-file": "munged.log",
        "seed-file": "munged.seed",
    }
    words = [f"--{option}={place / name}" for option, name in options.items()]
    with _process(["munged", "--foreground", "--force", *words], place / "munged.out"):
        yield


@contextmanager
def _daemon(slurm: Slurm, node: str, *command: str) -> Iterator[None]:
    inside = ["nsenter", "--all", f"--target={slurm.nodes[node]}"]
    with _process([*inside, *command], slurm.place / f"{command[0]}-{node}.out"):
        yield


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[None]:
    env = {**os.environ, "SLURM_CONF": str(log.parent / "slurm.conf")}
    with (
        log.open("w") as output,
        subprocess.Popen(command, env=env, stdout=output, stderr=output) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def _await_idle(slurm: Slurm, count: int, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while True:
        try:
            idle = slurm.run("sinfo", "--noheader", "--states=idle", "--format=%D").strip()
        except subprocess.CalledProcessError:  # the controller does not answer yet
            idle = ""
        if idle == str(count):
            return
        assert time.monotonic() < ends, f"{idle or 'no'} nodes of {count} after {seconds:.0f} s"
        time.sleep(0.5)


def _ip(*words: str) -> None:
    """Change the network; what is deleted may be gone with a node that was killed."""
    gone = "delete" in words
    subprocess.run(["ip", *words], check=not gone, stderr=subprocess.DEVNULL if gone else None)
