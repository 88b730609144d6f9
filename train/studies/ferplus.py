"""How much of a network that learned the votes of FER+ to mix into the one it started from.

    python train/studies/ferplus.py ../before/train/results/fer-small
        ../before/train/results/fer-small-ferplus --data fer2013.npz
        --elsewhere ck48.npz web131.npz --out train/studies/results/ferplus-small.json

../before is the commit e5fab30. What the FER+ networks started from has other batch statistics now.
fer2013new.csv must be next to the data. For each share and balance it prints, in percent: the
agreement with most of the voters (PublicTest, seven classes), the same for mild expressions (a
fifth of the voters say neutral) and for neutral faces, the accuracy by FER2013's labels, and the
balanced accuracy on each set from elsewhere. Decision 18 has what it printed.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fer_bench.crowd import MILD
from fer_core.data_settings import DataSettings
from fer_core.dataset import FerDataset
from fer_core.ferplus import FERPLUS_LABELS, majority_of, read_votes
from fer_core.labels import FER2013_LABELS
from fer_core.preprocess import normalize_pixels
from fer_core.readers import load_dataset
from fer_core.values import FloatArray
from fer_train.run_facts import saved_config
from fer_train.run_folder import model_file
from fer_train.transfer import load_keras_model

SHARES = (0.0, 0.2, 0.3, 0.35, 0.4, 0.5, 1.0)
BALANCES = (0.0, 0.1, 0.15, 0.2)
COLUMNS = np.array([FERPLUS_LABELS.index(name) for name in FER2013_LABELS])
"""Where the votes have each label of FER2013."""


@dataclass(frozen=True, eq=False)
class Yardsticks:
    """PublicTest with its votes (n, 10), and sets from elsewhere in FER2013's order, by name."""

    public: FerDataset
    votes: FloatArray
    sets: dict[str, FerDataset]

    def of(self, answers: dict[str, FloatArray], offsets: FloatArray) -> dict[str, float]:
        """Return every figure, 0 to 1.

        Args:
            answers: Logarithms of the probabilities (n, 7) for "public" and each set.
            offsets: What is added to them, (7,).
        """
        said, neutral = majority_of(self.votes), FERPLUS_LABELS.index("neutral")
        doubted = self.votes[:, neutral] >= MILD * self.votes.sum(axis=1)
        known = np.isin(said, COLUMNS)
        own = (answers["public"] + offsets).argmax(axis=1)
        agrees = COLUMNS[own] == said
        figures = {
            "agreement": agrees[known].mean(),
            "mild": agrees[known & (said != neutral) & doubted].mean(),
            "neutral": agrees[said == neutral].mean(),
            "fer2013": (own == self.public.labels).mean(),
        }
        for name, held in self.sets.items():
            right = (answers[name] + offsets).argmax(axis=1) == held.labels
            figures[name] = np.mean([right[held.labels == k].mean() for k in set(held.labels)])
        return {name: round(float(value), 4) for name, value in figures.items()}


def taught_weights(start: keras.Model, run: Path, class_shares: FloatArray) -> list[FloatArray]:
    """Return what training alone made of the weights: a run's, without its start and balance."""
    config, taught = saved_config(run), load_keras_model(model_file(run)).get_weights()
    taught[-1] = taught[-1] + config.balance * np.log(class_shares)
    kept = config.init_weight
    pairs = zip(start.get_weights(), taught, strict=True)
    return [(after - kept * before) / (1 - kept) for before, after in pairs]


def logarithms(model: keras.Model, pictures: FerDataset) -> FloatArray:
    """Return what a network says of pictures, the logarithms of its probabilities (n, 7)."""
    answers = model.predict(normalize_pixels(pictures.pixels), batch_size=256, verbose=0)
    return np.log(np.maximum(answers, 1e-9))


def main() -> None:
    """Print a row for each share and balance, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("start", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--elsewhere", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    settings = DataSettings(data=str(given.data), labels="ferplus-votes", without="contempt")
    counts = settings.load().class_counts()[0]
    class_shares = counts / counts.sum()
    public = load_dataset(given.data).part("validation")
    sets = {path.stem: load_dataset(path).in_order(FER2013_LABELS) for path in given.elsewhere}
    assert {each.label_names for each in sets.values()} == {FER2013_LABELS}, "other classes"
    yardsticks = Yardsticks(public, read_votes(settings.votes_file(), public), sets)
    model = load_keras_model(model_file(given.start))
    before, taught = model.get_weights(), taught_weights(model, given.run, class_shares)
    rows = []
    for share in SHARES:
        model.set_weights(
            [(1 - share) * a + share * b for a, b in zip(before, taught, strict=True)]
        )
        answers = {
            name: logarithms(model, each) for name, each in {"public": public, **sets}.items()
        }
        for balance in BALANCES if 0 < share < 1 else (0.0,):
            figures = yardsticks.of(answers, -balance * np.log(class_shares))
            rows.append({"share": share, "balance": balance, **figures})
            shown = (f"{100 * value:.1f}" for value in figures.values())
            print(f"| {share:g} | {balance:g} | {' | '.join(shown)} |", flush=True)
    given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
