"""One network from several that continued the same start: the mean of their weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.metrics import ClassificationReport
from fer_core.settings import settings_toml
from fer_train.evaluate import evaluate, model_sha256, save_model
from fer_train.run_facts import CONFIG, METRICS, read_run
from fer_train.transfer import load_keras_model


def save_mean_weights(
    runs: Sequence[Path], out: Path, validation: FerDataset
) -> ClassificationReport:
    """Write the network whose weights are the mean of several, its metrics.json and settings.

    It is as fast as one of them, and depends less on the luck of a seed (Wortsman et al., 2022,
    "Model soups"). That needs one start: means of unrelated weights are worth nothing.

    Args:
        runs: Run folders of one architecture that are done.
        out: The folder that gets model.keras, model.h5, metrics.json, and the settings of the first
            run.
        validation: The pictures that judge it.

    Returns:
        The report on these pictures.

    Raises:
        FerError: A network cannot be read, or is of no run.
    """
    records = [read_run(run / "model.keras") for run in runs]
    for run, record in zip(runs, records, strict=True):
        if "epochs" not in record.metrics:
            raise FerError(f"{run / METRICS} does not tell of {run / 'model.keras'}")
    model = load_keras_model(runs[0] / "model.keras")
    sums = [weights.astype(np.float64) for weights in model.get_weights()]
    for run in runs[1:]:
        others = load_keras_model(run / "model.keras").get_weights()
        sums = [total + weights for total, weights in zip(sums, others, strict=True)]
    model.set_weights([(total / len(runs)).astype(np.float32) for total in sums])
    report = evaluate(model, validation)
    (out / METRICS).unlink(missing_ok=True)  # it would call the new files foreign
    save_model(model, out)
    facts = json.loads((runs[0] / METRICS).read_bytes())
    facts.pop("best_epoch", None)  # each network has another
    facts |= {
        "networks": len(runs),
        "epochs": max(record.metrics["epochs"] for record in records),
        "validation": report.to_json(),
        "sha256": model_sha256(out),
    }
    write_text(out / METRICS, json.dumps(facts, indent=1) + "\n")
    write_text(out / CONFIG, settings_toml(records[0].config))  # what training made of them
    return report
