"""How well the shipped models do on faces that do not come from FER2013.

    python benchmarks/studies/elsewhere.py ck48.npz web131.npz --out FILE.json

FILE.json is benchmarks/reference/elsewhere.json here. Each data set is one that `fer-bench --data`
takes; its test split judges. The figure is the balanced accuracy: the mean recall of the classes
that are there, since these sets are lopsided.
Neither set is in this repository: CK+ (crops of 48 px) and 131 pictures from the web are for
research only.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fer_bench.accuracy import TestPictures, measure_accuracy
from fer_core.bundle import ModelBundle
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model, shipped_models


def balanced_accuracy(bundle: ModelBundle, data: Path) -> tuple[float, int]:
    """Return the mean recall, 0 to 1, and how many pictures judged."""
    report = measure_accuracy(TfliteModel(bundle), TestPictures(data).for_model(bundle)).report
    there = report.support > 0
    return float(report.recall[there].mean()), report.count


def main() -> None:
    """Measure all shipped models on each file, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    bundles = {name: load_model(name) for name in shipped_models()}
    results = {
        name: {"sha256": bundle.manifest.sha256, "balanced_accuracy": {}, "pictures": {}}
        for name, bundle in bundles.items()
    }
    for data in given.data:
        for name, bundle in bundles.items():
            accuracy, pictures = balanced_accuracy(bundle, data)
            results[name]["balanced_accuracy"][data.stem] = round(accuracy, 4)
            results[name]["pictures"][data.stem] = pictures
            print(f"{name} on {data.stem}: {100 * accuracy:.1f} % of {pictures}")
    given.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
