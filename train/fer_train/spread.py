"""How far figures of several trainings lie apart."""

from __future__ import annotations

import numpy as np

from fer_core.metrics import ClassificationReport


def spread(reports: list[ClassificationReport]) -> dict[str, dict[str, float]]:
    """Return `mean` and `std` (n - 1) over several reports of every figure, by its name."""
    figures = {
        "accuracy": [report.accuracy for report in reports],
        "macro precision": [report.macro_precision for report in reports],
        "macro recall": [report.macro_recall for report in reports],
        "macro F1": [report.macro_f1 for report in reports],
        "calibration error": [report.ece for report in reports],
    }
    for index, label in enumerate(reports[0].labels):
        figures[f"precision {label}"] = [float(report.precision[index]) for report in reports]
        figures[f"recall {label}"] = [float(report.recall[index]) for report in reports]
        figures[f"F1 {label}"] = [float(report.f1[index]) for report in reports]
    return {
        name: {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1))}
        for name, values in figures.items()
    }


def spread_text(what: str, reports: list[ClassificationReport]) -> str:
    """Return mean and spread of every figure, a line each.

    Args:
        what: What the reports are of, such as "5 folds".
        reports: At least two, of the same labels.
    """
    lines = [f"{what}, mean and standard deviation"]
    for name, each in spread(reports).items():
        lines.append(f"{name:<22}{each['mean']:8.2%} +- {each['std']:.2%}")
    return "\n".join(lines) + "\n"
