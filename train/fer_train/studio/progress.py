"""How far a training has come, by the history that it writes."""

from __future__ import annotations

from pathlib import Path

from fer_train.run_facts import read_history

_CURVE = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")
_LATELY = 3


def read_curve(run: Path) -> list[dict[str, float]]:
    """Return the epochs of a run folder so far: epoch, loss, accuracy and so on, and seconds."""
    return [
        {"epoch": int(row["epoch"]), **{name: float(row[name]) for name in _CURVE}}
        for row in read_history(run)
    ]


def seconds_left(curve: list[dict[str, float]], epochs: int) -> float | None:
    """Return how long the other epochs take at the pace of the last ones, None before the first.

    Training may end sooner, when it gains nothing any more.
    """
    lately = [row["seconds"] for row in curve[-_LATELY:]]
    return round((epochs - len(curve)) * sum(lately) / len(lately), 1) if lately else None
