"""Whether the studio trains as well as the command line, on the same few pictures.

    python train/studies/studio_accuracy.py ../shared/data/fer2013.npz

Three classes of PublicTest under other names: 50 pictures of each to learn from, 100 others of each
to judge the int8 bundles. In the studio the 50 are one recording, as files dropped at once are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
from studio_shots import post

from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.opencv import cv2
from fer_core.readers import load_dataset
from fer_edge.inference.interpreter import TfliteModel
from fer_train.studio.server import StudioOptions, open_studio

CLASSES = {"a": "happy", "b": "surprise", "c": "neutral"}
LEARNED, JUDGED, DRAWS = 50, 100, 7
Draw = dict[str, tuple[np.ndarray, np.ndarray]]


def draw(dataset: FerDataset, seed: int) -> Draw:
    """Return for each class the pictures to learn from and those to judge by, (n, h, w)."""
    generator, drawn = np.random.default_rng(seed), {}
    for name, label in CLASSES.items():
        places = np.flatnonzero(dataset.labels == dataset.label_names.index(label))
        chosen = generator.permutation(places)[: LEARNED + JUDGED]
        pictures = dataset.pixels[chosen][..., 0]
        drawn[name] = (pictures[:LEARNED], pictures[LEARNED:])
    return drawn


def save(drawn: Draw, folder: Path) -> None:
    """Write what is learned from as the studio keeps it: a folder of PNG files for each class."""
    for name, (learned, _) in drawn.items():
        (folder / name).mkdir(parents=True)
        for number, picture in enumerate(learned, 1):
            cv2.imwrite(str(folder / name / f"photo~{number:04d}.png"), picture)


def train_in_studio(drawn: Draw, folder: Path) -> Path:
    """Train as the page does; return the bundle."""
    save(drawn, folder / "faces")
    options = StudioOptions(folder, port=0, detector="haar", browser=False)
    with open_studio(options) as (_, server):
        post(server.port, "/api/train?init=fer-nano&name=mine")
        while (state := _state(server.port))["job"]:
            time.sleep(0.5)
    assert not state["failed"], state["failed"]
    return folder / "runs" / "mine" / "mine-int8.tflite"


def _state(port: int) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/api/state")
    state = dict(json.loads(connection.getresponse().read()))
    connection.close()
    return state


def train_by_command(drawn: Draw, folder: Path) -> Path:
    """Train with the plain commands; return the bundle."""
    save(drawn, folder / "faces")
    for name, *words in (
        ("fer-train", "--data", "faces", "--init", "fer-nano", "--out", "mine"),
        ("fer-convert", "mine", "--int8", "--max-drop", "100"),
    ):
        command = [str(Path(sys.executable).with_name(name)), *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "mine" / "mine-int8.tflite"


def right(bundle: Path, drawn: Draw) -> float:
    """Return the share of the other pictures that a bundle answers right, 0 to 1."""
    model = TfliteModel(ModelBundle.load(bundle))
    labels = model.bundle.manifest.labels
    answers = [
        labels[int(model.probabilities(picture[..., None]).argmax())] == name
        for name, (_, judged) in drawn.items()
        for picture in judged
    ]
    return float(np.mean(answers))


def main(data: Path) -> None:
    """Print a line for each draw, then the means."""
    dataset = load_dataset(data).part("validation")
    rows = []
    for seed in range(DRAWS):
        drawn, shares, seconds = draw(dataset, seed), [], []
        for train in (train_in_studio, train_by_command):
            with tempfile.TemporaryDirectory() as folder:
                started = time.monotonic()
                bundle = train(drawn, Path(folder))
                seconds.append(time.monotonic() - started)
                shares.append(right(bundle, drawn))
        rows.append(shares)
        print(f"draw {seed}: studio {shares[0]:.1%} in {seconds[0]:.0f} s, command {shares[1]:.1%} "
              f"in {seconds[1]:.0f} s", flush=True)  # fmt: skip
    studio, command = np.mean(rows, axis=0)
    print(f"mean: studio {studio:.1%}, command {command:.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
