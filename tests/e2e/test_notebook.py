"""The notebook runs from end to end on drawn faces, with and without Google Drive."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import drawn_dataset
from notebook_runs import NEEDS_NBCLIENT, execute, has_no_outputs

pytestmark = [pytest.mark.slow, NEEDS_NBCLIENT]
NOTEBOOK = Path(__file__).parents[2] / "train" / "fer_colab.ipynb"
COLAB = {
    "__init__.py": "",
    "drive.py": """
import os, shutil
def mount(where):
    shutil.copytree(os.environ["STAND_IN_DRIVE"], os.path.join(where, "MyDrive"))
""",
    "files.py": """
def download(path):
    open("downloaded.txt", "w").write(path)
""",
}


def save_dataset(folder: Path) -> Path:
    dataset = drawn_dataset((12, 0, 4))
    for image, label, split, row in zip(
        dataset.images, dataset.labels, dataset.split, dataset.rows, strict=True
    ):
        place = folder / ("train" if split == 0 else "test") / dataset.label_names[label]
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{row}.png"), image)
    return folder


def test_the_notebook_is_committed_without_outputs() -> None:
    assert has_no_outputs(NOTEBOOK)


def test_without_drive_the_folder_lies_beside_the_notebook(tmp_path: Path) -> None:
    save_dataset(tmp_path / "Emotion_Dataset")
    outputs = execute(NOTEBOOK, tmp_path, "EPOCHS = 2")
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    text = "".join("".join(o.get("text", "")) for o in outputs)
    assert len(pictures) == 4
    assert "precision    recall" in text
    assert "validation: accuracy" in text
    assert "test split, 28 pictures" in text
    assert (tmp_path / "fer-work" / "fer-runs" / "c-2" / "c-2-int8.tflite").exists()


STAND_INS = {
    "fer-train": """
[ "$1" = check ] && test -d "$2/test/happy" && exit
mkdir -p "$8" && cd "$8" && touch checkpoint.npz && echo "trained with $*" > report.txt
for picture in curves confusion feature_maps mistakes; do cp "$A_PICTURE" $picture.png; done
""",
    "fer-convert": 'touch "$1/$(basename "$1")-int8.tflite"',
    "fer-bench": 'test -f "$1"',
}
"""The commands where only what Colab adds is tested; the test above runs the real ones."""


def test_a_mounted_drive_is_copied_and_the_bundle_downloaded(tmp_path: Path) -> None:
    save_dataset(tmp_path / "drive" / "Emotion_Dataset")
    package = tmp_path / "stand-in" / "google" / "colab"
    package.mkdir(parents=True)
    for name, source in COLAB.items():
        (package / name).write_text(source)
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, script in STAND_INS.items():
        (commands / name).write_text(f"#!/bin/sh\nset -e\n{script}")
        (commands / name).chmod(0o755)
    cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((9, 9), np.uint8))
    run = tmp_path / "mnt" / "MyDrive" / "fer-runs" / "b-1"  # on Drive: it outlives the machine
    outputs = execute(
        NOTEBOOK,
        tmp_path,
        f"EPOCHS = 1; ARCH = 'b'; MOUNT = Path({str(tmp_path / 'mnt')!r})",
        PATH=f"{commands}{os.pathsep}{os.environ['PATH']}",
        PYTHONPATH=str(tmp_path / "stand-in"),
        STAND_IN_DRIVE=str(tmp_path / "drive"),
        A_PICTURE=str(tmp_path / "picture.png"),
    )
    assert (tmp_path / "fer-work" / "Emotion_Dataset" / "train" / "happy").is_dir()
    text = "".join("".join(output.get("text", "")) for output in outputs)
    assert f"trained with --data fer-work/Emotion_Dataset --arch b --epochs 1 --out {run}" in text
    assert (run / "checkpoint.npz").exists()
    assert (tmp_path / "downloaded.txt").read_text() == str(run / "b-1-int8.tflite")
