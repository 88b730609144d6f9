"""The container image: what is in it, and that it runs on both processors (`make image-test`)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fer_core import __version__

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT / "build" / "image" / "fer-edge-kit.tar"
PORTRAIT = ROOT / "edge" / "fer_edge" / "assets" / "astronaut.jpg"
ANSWER = "astronaut.jpg: face of 92x92 at 178,67: happy 98%"
MOST_BYTES = 250_000_000
pytestmark = pytest.mark.image


class Image:
    """An OCI archive, unpacked into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = json.loads((folder / "index.json").read_text())
        (both,) = (self.blob(each["digest"]) for each in index["manifests"])
        self.manifests = {
            each["platform"]["architecture"]: self.blob(each["digest"])
            for each in both["manifests"]
        }

    def path(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def blob(self, digest: str) -> dict[str, Any]:
        return dict(json.loads(self.path(digest).read_text()))

    def config(self, architecture: str) -> dict[str, Any]:
        return self.blob(self.manifests[architecture]["config"]["digest"])

    def layers(self, architecture: str) -> list[Path]:
        return [self.path(each["digest"]) for each in self.manifests[architecture]["layers"]]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if not ARCHIVE.exists():
        pytest.skip("there is no image here: make image")
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return Image(folder)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_it_starts_fer_edge_as_a_user_without_rights(image: Image, architecture: str) -> None:
    assert set(image.manifests) == {"amd64", "arm64"}
    told = image.config(architecture)
    assert (told["architecture"], told["os"]) == (architecture, "linux")
    config = told["config"]
    assert config["User"] == "10001"
    assert config["Entrypoint"] == ["/usr/local/bin/fer-edge"]
    assert config["WorkingDir"] in config["Volumes"]
    assert config["Labels"]["org.opencontainers.image.version"] == __version__


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_it_has_no_shell_and_no_package_manager(image: Image, architecture: str) -> None:
    members: dict[str, tarfile.TarInfo] = {}
    for layer in image.layers(architecture):
        with tarfile.open(layer) as files:
            members |= {each.name.removeprefix("./"): each for each in files}
    commands = {
        name.rpartition("/")[2]
        for name, each in members.items()
        if name.startswith(("usr/bin/", "usr/sbin/", "usr/local/bin/")) and not each.isdir()
    }
    assert {"fer-edge", "fer-bench", "python3"} <= commands
    assert not commands & {"sh", "bash", "dash", "busybox", "dpkg", "apt", "apt-get", "pip", "tar"}
    assert "var/lib/dpkg/status" in members, "scanners look there"
    rights = [name for name, each in members.items() if each.mode & 0o6000 and not each.isdir()]
    assert rights == [], "setuid or setgid"
    owned = {name for name, each in members.items() if each.uid}
    assert owned == {"var/lib/fer-edge"}
    assert sum(each.stat().st_size for each in image.layers(architecture)) < MOST_BYTES


def podman(*words: str) -> list[str]:
    """Return the words that run podman, also on a computer with both versions of cgroups."""
    command = ["podman", *words]
    if Path("/sys/fs/cgroup/unified").exists():  # which crun refuses; a private look without one
        script = 'umount /sys/fs/cgroup/unified && exec "$0" "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, *command]
    return command


def test_it_runs_read_only_and_without_rights(image: Image, tmp_path: Path) -> None:
    if not shutil.which("podman"):
        pytest.skip("podman is not here: sudo apt install podman")
    photos = tmp_path / "photos"
    photos.mkdir(mode=0o755)  # another user reads it
    shutil.copy(PORTRAIT, photos)
    archive = f"oci-archive:{ARCHIVE}"
    name = subprocess.run(
        ["podman", "pull", "--quiet", archive], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    run = podman("run", "--rm", "--read-only", "--cap-drop", "all", "--network", "none")
    run += ["--security-opt", "no-new-privileges", "--cgroups", "disabled"]
    run += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]
    run += ["--volume", f"{photos}:/photos:ro"]
    try:
        done = subprocess.run(
            [*run, name, "/photos/astronaut.jpg"], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(ANSWER)
        code = (
            "import os, ssl; open('mine', 'w').close()\n"
            "assert os.getuid() == 10001 and ssl.create_default_context().get_ca_certs()\n"
            "try: open('/etc/mine', 'w')\n"
            "except OSError as error: print(error.strerror)"
        )
        words = [*run, "--entrypoint", "/usr/bin/python3", name, "-c", code]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.stdout == "Read-only file system\n", done.stderr
    finally:
        subprocess.run(["podman", "rmi", name], check=True, stdout=subprocess.DEVNULL)


def test_arm64_answers_as_amd64(image: Image, tmp_path: Path) -> None:
    """Run by qemu, as tests/arm64/make_python.sh says."""
    emulator = shutil.which("qemu-aarch64-static")
    if not emulator:
        pytest.skip("qemu is not here: sudo apt install qemu-user-static")
    for layer in image.layers("arm64"):
        with tarfile.open(layer) as files:
            files.extractall(tmp_path, filter="tar")
    cpus = tmp_path / "sys" / "devices" / "system" / "cpu"
    cpus.mkdir(parents=True)
    for name in ("present", "possible"):
        (cpus / name).write_text("0\n")
    (tmp_path / "proc" / "cpuinfo").write_text(
        "processor : 0\nFeatures : fp asimd evtstrm crc32 cpuid\nCPU implementer : 0x41\n"
        "CPU architecture: 8\nCPU variant : 0x0\nCPU part : 0xd08\nCPU revision : 3\n"
    )
    python = [emulator, "-L", str(tmp_path), str(tmp_path / "usr/bin/python3.13")]
    packages = tmp_path / "usr/local/lib/python3.13/dist-packages"
    done = subprocess.run(
        [*python, str(tmp_path / "usr/local/bin/fer-edge"), str(PORTRAIT)],
        check=False,
        capture_output=True,
        text=True,
        env={"QEMU_CPU": "cortex-a72", "PYTHONPATH": str(packages), "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(ANSWER)
