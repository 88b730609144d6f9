"""The device side on another processor: arm64 as on a Raspberry Pi, run by qemu (`make arm64`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fer_core.preprocess import InputSpec
from fer_core.readers import load_dataset
from fer_edge.faces.yunet_file import HOW_TO_INSTALL, installed_file

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "build" / "arm64"
PORTRAIT = HERE.parents[1] / "edge" / "fer_edge" / "assets" / "astronaut.jpg"
PICTURES = 200
COMMAND = "from fer_edge.cli import main; main()"
pytestmark = pytest.mark.arm64


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def arm_python(request: pytest.FixtureRequest) -> str:
    path = BUILT / request.param / "python"
    if not path.exists():
        pytest.skip("there is no arm64 Python here: make arm64")
    return str(path)


def answers(python: str, pixels: Path, kernels: str, out: Path) -> dict[str, Any]:
    subprocess.run(
        [python, str(HERE / "answer.py"), str(pixels), kernels, str(out)], check=True, timeout=600
    )
    return dict(np.load(out))


@pytest.fixture(scope="module")
def pixels(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last test pictures of FER2013, as a model takes them."""
    test = load_dataset(real_data, InputSpec()).part("test")
    path = tmp_path_factory.mktemp("arm64") / "pixels.npz"
    np.savez(path, pixels=test.pixels[-PICTURES:], labels=test.labels[-PICTURES:])
    return path


@pytest.mark.parametrize("kernels", ["reference", "xnnpack"])
def test_labels_are_those_of_x86(
    arm_python: str, pixels: Path, kernels: str, tmp_path: Path
) -> None:
    there = answers(arm_python, pixels, kernels, tmp_path / "there.npz")
    here = answers(sys.executable, pixels, kernels, tmp_path / "here.npz")
    assert there["machine"] == "aarch64"
    assert there["kernels"] == kernels
    labels: npt.NDArray[np.int64] = np.load(pixels)["labels"]
    accuracy = [(each["codes"].argmax(axis=1) == labels).mean() for each in (here, there)]
    assert accuracy[0] == accuracy[1] > 0.5
    assert np.array_equal(there["codes"].argmax(axis=1), here["codes"].argmax(axis=1))
    if kernels == "reference":
        assert np.array_equal(there["codes"], here["codes"])


def test_golden_answers_are_the_same(arm_python: str, tmp_path: Path) -> None:
    """The faces drawn for the golden tests, which need no data, bit for bit."""
    faces = np.load(HERE.parent / "golden" / "faces.npz")["faces"]
    np.savez(tmp_path / "drawn.npz", pixels=faces[..., np.newaxis])
    there = answers(arm_python, tmp_path / "drawn.npz", "reference", tmp_path / "there.npz")
    here = answers(sys.executable, tmp_path / "drawn.npz", "reference", tmp_path / "here.npz")
    assert np.array_equal(there["codes"], here["codes"])


def test_fer_edge_sees_the_portrait(arm_python: str, tmp_path: Path) -> None:
    call = ["-c", COMMAND, str(PORTRAIT), "--json", "-"]
    seen = []
    for python in (arm_python, sys.executable):
        done = subprocess.run(
            [python, *call], capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        seen.append(json.loads(done.stdout))
    assert seen[0]["label"] == seen[1]["label"] == "happy"
    assert seen[0]["confidence"] == pytest.approx(seen[1]["confidence"], abs=0.05)
    assert seen[0]["box"] == pytest.approx(seen[1]["box"], abs=6)


@pytest.mark.parametrize("name", ["haar", "yunet"])
def test_both_processors_find_the_same_faces(arm_python: str, name: str, tmp_path: Path) -> None:
    detector = str(installed_file() or name) if name == "yunet" else name
    if detector == "yunet":
        pytest.skip(f"needs YuNet: {HOW_TO_INSTALL}")
    found = []
    for python in (sys.executable, arm_python):
        out = tmp_path / "faces.npz"
        command = [python, str(HERE / "detect.py"), str(PORTRAIT), detector, str(out)]
        subprocess.run(command, check=True, timeout=600)
        found.append(dict(np.load(out)))
    ours, theirs = found
    assert len(ours["rows"]) >= 2
    assert np.abs(ours["rows"][:, :5] - theirs["rows"][:, :5]).max() <= 1
    assert np.abs(ours["rows"][:, 5] - theirs["rows"][:, 5]).max() <= 1
    assert np.abs(ours["crops"].astype(int) - theirs["crops"]).mean() < 1
