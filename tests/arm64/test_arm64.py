"""The device side on another processor: arm64 as on a Raspberry Pi, run by qemu (`make arm64`)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.dataset import FerDataset
from fer_core.preprocess import InputSpec
from fer_core.readers import load_dataset
from fer_edge.faces.yunet_file import HOW_TO_INSTALL, installed_file

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "build" / "arm64"
PORTRAIT = HERE.parents[1] / "edge" / "fer_edge" / "assets" / "astronaut.jpg"
PICTURES = {"xnnpack": 40, "reference": 12}
"""How many of FER2013: one takes about 0.1 and 0.25 s under qemu on an x86-64 machine."""
COMMAND = "from fer_edge.cli import main; main()"
YUNET = installed_file()
DETECTORS = ["haar", *([str(YUNET)] if YUNET else [])]
pytestmark = pytest.mark.arm64


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def arm_python(request: pytest.FixtureRequest) -> str:
    path = BUILT / request.param / "python"
    if not path.exists():
        pytest.skip("there is no arm64 Python here: make arm64")
    return str(path)


@pytest.fixture(scope="module")
def real_test(real_data: Path) -> FerDataset:
    """The test split of FER2013."""
    return load_dataset(real_data, InputSpec()).part("test")


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The faces drawn for the golden tests, and the last of FER2013 where that is here."""
    faces = np.load(HERE.parent / "golden" / "faces.npz")["faces"]
    sets = {"reference-drawn": faces[..., np.newaxis]}
    with suppress(pytest.skip.Exception):
        test = request.getfixturevalue("real_test")
        sets |= {kernels: test.pixels[-count:] for kernels, count in PICTURES.items()}
    path = tmp_path_factory.mktemp("arm64") / "pictures.npz"
    np.savez(path, **sets)
    return path


def answers(python: str, pictures: Path) -> dict[str, Any]:
    out = pictures.with_name("answers.npz")
    command = [python, HERE / "answer.py", pictures, PORTRAIT, out, *DETECTORS]
    subprocess.run([*map(str, command)], check=True, timeout=3600)
    return dict(np.load(out))


@pytest.fixture(scope="module")
def here(pictures: Path) -> dict[str, Any]:
    """What this processor answers."""
    return answers(sys.executable, pictures)


@pytest.fixture(scope="module")
def there(arm_python: str, pictures: Path) -> dict[str, Any]:
    """What arm64 answers."""
    return answers(arm_python, pictures)


@pytest.mark.parametrize("kernels", list(PICTURES))
def test_labels_are_those_of_x86(
    real_test: FerDataset, here: dict[str, Any], there: dict[str, Any], kernels: str
) -> None:
    assert there["machine"] == "aarch64"
    assert there[f"{kernels}-kernels"] == kernels
    assert len(there[kernels]) == PICTURES[kernels]
    labels = real_test.labels[-PICTURES[kernels] :]
    accuracy = [(each[kernels].argmax(axis=1) == labels).mean() for each in (here, there)]
    assert accuracy[0] == accuracy[1] > 0.5
    assert np.array_equal(there[kernels].argmax(axis=1), here[kernels].argmax(axis=1))
    if kernels == "reference":
        assert np.array_equal(there[kernels], here[kernels])


def test_golden_answers_are_the_same(here: dict[str, Any], there: dict[str, Any]) -> None:
    """The faces drawn for the golden tests, which need no data, bit for bit."""
    assert np.array_equal(there["reference-drawn"], here["reference-drawn"])


@pytest.fixture(scope="module")
def portrait_here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What fer-edge sees of the portrait on this processor."""
    return seen(sys.executable, tmp_path_factory.mktemp("here"))


def seen(python: str, folder: Path) -> dict[str, Any]:
    call = [python, "-c", COMMAND, str(PORTRAIT), "--json", "-"]
    done = subprocess.run(
        call, capture_output=True, text=True, timeout=300, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_fer_edge_sees_the_portrait(
    arm_python: str, portrait_here: dict[str, Any], tmp_path: Path
) -> None:
    portrait_there = seen(arm_python, tmp_path)
    assert portrait_there["label"] == portrait_here["label"] == "happy"
    assert portrait_there["confidence"] == pytest.approx(portrait_here["confidence"], abs=0.05)
    assert portrait_there["box"] == pytest.approx(portrait_here["box"], abs=6)


@pytest.mark.parametrize("index", [0, 1], ids=["haar", "yunet"])
def test_both_processors_find_the_same_faces(
    here: dict[str, Any], there: dict[str, Any], index: int
) -> None:
    if index == len(DETECTORS):
        pytest.skip(f"needs YuNet: {HOW_TO_INSTALL}")
    ours, theirs = here[f"rows-{index}"], there[f"rows-{index}"]
    assert len(ours) >= 2
    assert np.abs(ours[:, :5] - theirs[:, :5]).max() <= 1
    assert np.abs(ours[:, 5] - theirs[:, 5]).max() <= 1
    crops = [each[f"crops-{index}"].astype(int) for each in (here, there)]
    assert np.abs(crops[0] - crops[1]).mean() < 1
