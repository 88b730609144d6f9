"""The committed soft labels are those that decision 9 tells of."""

import json
from pathlib import Path

import numpy as np

from fer_core.readers import load_dataset

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "train" / "studies" / "results"


def test_the_soft_labels_have_their_accuracy_on_public_test(real_data: Path) -> None:
    dataset = load_dataset(real_data)
    told = json.loads((RESULTS / "2026-11-27-third.json").read_text())["soft_labels"][-1]
    decision = (ROOT / "docs" / "decisions" / "0009-teachers.md").read_text()
    with np.load(RESULTS / "soft-labels.npz") as soft:
        training, public = (soft[part].mean(0, np.float64) for part in ("training", "public"))
    learned, truth = (dataset.part(part).labels for part in ("train", "validation"))
    assert training.shape == (len(learned), 7)
    assert (training.argmax(1) == learned).mean() > 0.8  # they are in the order of the rows
    accuracy = round(float((public.argmax(1) == truth).mean()), 4)
    assert accuracy == told["public_accuracy"]
    assert f"{accuracy:.1%}".replace("%", " %") in decision
