"""Turn a student into the run folder that fer-convert takes.

    python train/studies/student_models.py OUT fer-base --data fer2013.csv --out runs/fer-base

OUT is the folder that teachers.py wrote. The answers are balanced over the classes as
`fer-train` does it (`balance` in its settings).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from teacher_data import STUDENTS

from fer_core.dataset import FerDataset
from fer_core.files import make_folder, write_text
from fer_core.readers import load_dataset
from fer_core.settings import settings_toml
from fer_train.architectures import build_model
from fer_train.balance import balance
from fer_train.checkpoint import TrainState
from fer_train.config import TrainConfig
from fer_train.evaluate import evaluate, save_history, save_metrics, save_model
from fer_train.run_facts import CONFIG, HISTORY

RECORD = "# A record, no recipe: train/studies/teachers.py trained this (decision 9).\n"
TEACHERS = "the ensemble of teachers"
"""What a run's settings call the ensemble, in the place of an online teacher."""


def student_model(weights: Path, name: str) -> keras.Model:
    """Return the network `name` for 48x48 gray pictures and seven classes, with its weights.

    Raises KeyError where the file has no such student.
    """
    keras.utils.clear_session()  # so that layers are numbered as teacher_data.py numbered them
    model = build_model(name, (48, 48, 1), 7)
    with np.load(weights) as held:
        for layer in model.layers:
            count = len(layer.get_weights())
            layer.set_weights([held[f"{name}/{layer.name}/{index}"] for index in range(count)])
    return model


def settings_of(row: dict[str, Any], strength: float) -> TrainConfig:
    """Return what a row of report.json says, as settings of fer-train as far as it has them.

    The pictures were altered as teacher_views.py does it.
    """
    recipe = row["recipe"]
    return TrainConfig(
        arch=row["network"],
        epochs=row["epoch"],
        batch_size=recipe["batch"],
        precision="bfloat16",
        learning_rate=recipe["learning_rate"],
        warmup_epochs=recipe["warm_up_epochs"],
        weight_decay=recipe["weight_decay"],
        ema_decay=recipe["ema_decay"],
        balance=strength,
        soft_labels="train/configs/fer2013-votes.npz",
        soft_labels_weight=round(1 - row["label_share"], 4),
        online_teacher=TEACHERS,
        online_teacher_weight=row["ensemble_share"],
        shift=0.12,
        rotation=30,
        zoom=0.2,
        contrast=0.25,
        degrade=0.25,
        erasing=0.2,
    )


def save_run(
    folder: Path, model: keras.Model, dataset: FerDataset, row: dict[str, Any], strength: float
) -> None:
    """Balance the model and write its run folder; PublicTest is what it is judged on."""
    make_folder(folder)
    balance(model, dataset.part("train"), strength)
    write_text(folder / CONFIG, RECORD + settings_toml(settings_of(row, strength)))
    save_history(folder / HISTORY, row["curve"])
    state = TrainState(epoch=row["epoch"], best_epoch=row["epoch"])
    save_judged(folder, model, dataset.part("validation"), state)


def save_judged(
    folder: Path, model: keras.Model, judged: FerDataset, state: TrainState, computed_on: str = ""
) -> None:
    """Write a model into its run folder, and how it does on the pictures that judge it."""
    from fer_train.plots import save_confusion

    report = evaluate(model, judged)
    save_model(model, folder)
    save_confusion(folder / "confusion.png", report, f"{model.name}, validation")
    judged_by = judged.fingerprint(rows=False)
    save_metrics(folder, model, state, report, computed_on=computed_on, judged_by=judged_by)
    print(report.text())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Turn a student into a run folder.")
    parser.add_argument("results", type=Path, help="folder that teachers.py wrote")
    parser.add_argument("student", choices=STUDENTS)
    parser.add_argument("--course", default="main")
    parser.add_argument("--balance", type=float, default=0.5)
    parser.add_argument("--data", type=Path, required=True, help="as fer-train takes it")
    parser.add_argument("--out", type=Path, required=True, help="the run folder to write")
    arguments = parser.parse_args()
    asked = (arguments.student, arguments.course)
    report = json.loads((arguments.results / "report.json").read_text())
    rows = {(row["network"], row["course"]): row for row in report["students"]}
    if asked not in rows:
        known = ", ".join(" ".join(each) for each in rows)
        parser.error(f"no student {' '.join(asked)} in {arguments.results}; there are: {known}")
    model = student_model(arguments.results / f"students-{arguments.course}.npz", arguments.student)
    save_run(arguments.out, model, load_dataset(arguments.data), rows[asked], arguments.balance)


if __name__ == "__main__":
    main()
