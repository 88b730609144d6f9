"""The committed soft labels are those that decision 9 tells of."""

import json
from pathlib import Path

import numpy as np

from fer_core.readers import load_dataset

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "train" / "studies" / "results"


def test_the_soft_labels_have_their_accuracy_on_public_test(real_data: Path) -> None:
    dataset = load_dataset(real_data)
    told = json.loads((RESULTS / "2026-11-26.json").read_text())["soft_labels"]
    decision = (ROOT / "docs" / "decisions" / "0009-teachers.md").read_text()
    truth = dataset.part("validation").labels
    with np.load(RESULTS / "soft-labels.npz") as soft:
        learned = dataset.part("train").labels
        for answers in (soft["training"].mean(0, np.float64), soft["training_best"]):
            assert answers.shape == (len(learned), 7)
            assert (answers.argmax(1) == learned).mean() > 0.8  # they are in the order of the rows
        for name, said in (
            ("public", soft["public"].mean(0, np.float64)),
            ("public_best", soft["public_best"].astype(float)),
        ):
            accuracy = round(float((said.argmax(1) == truth).mean()), 4)
            assert accuracy == told[name]
            assert f"{accuracy:.2%}".replace("%", " %") in decision
