"""One network from several that continued the same start: the mean of their weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.files import write_text
from fer_core.metrics import ClassificationReport
from fer_train.evaluate import evaluate, model_sha256, save_model
from fer_train.run_facts import METRICS
from fer_train.transfer import load_keras_model


def save_mean_weights(
    runs: Sequence[Path], out: Path, validation: FerDataset
) -> ClassificationReport:
    """Write the network whose weights are the mean of several, with its metrics.json.

    It costs on the device what one of them costs, and often beats each (Wortsman et al., 2022,
    "Model soups"). That needs one start: the means of unrelated weights are worth nothing.

    Args:
        runs: Run folders of one architecture that are done.
        out: The folder that gets model.keras, model.h5 and metrics.json.
        validation: The pictures that judge it.

    Returns:
        The report on these pictures.

    Raises:
        FerError: A network cannot be read.
    """
    networks = [load_keras_model(run / "model.keras") for run in runs]
    together = zip(*(network.get_weights() for network in networks), strict=True)
    model = networks[0]
    model.set_weights([np.mean(weights, axis=0) for weights in together])
    report = evaluate(model, validation)
    save_model(model, out)
    told: list[dict[str, Any]] = [json.loads((run / METRICS).read_bytes()) for run in runs]
    facts = {
        **told[0],
        "networks": len(runs),
        "epochs": max(each["epochs"] for each in told),
        "validation": report.to_json(),
        "sha256": model_sha256(out),
    }
    del facts["best_epoch"]  # each network has another
    write_text(out / METRICS, json.dumps(facts, indent=1) + "\n")
    return report
