"""The history of a run as TensorBoard logs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fer_core.files import make_folder

_QUANTITIES = ("loss", "accuracy", "precision", "recall")


class EpochLog:
    """Writes every epoch's figures, each quantity's training and validation beside each other.

    Event files that are there already are replaced by the first epoch that is written: the
    history holds what they held. Without the package tensorboard it writes nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder that `tensorboard --logdir` is to read."""
        self._folder = folder
        self._writer: Any = None
        self._written = 0

    def write(self, history: list[dict[str, float]]) -> None:
        """Write the epochs that were not written yet."""
        if self._writer is None and find_spec("tensorboard"):
            self._writer = self._begun()
        if self._writer is None:
            return
        for row in history[self._written :]:
            for quantity in _QUANTITIES:
                for part, prefix in (("training", ""), ("validation", "val_")):
                    value = row[f"{prefix}{quantity}"]
                    self._writer.add_scalar(f"{quantity}/{part}", value, step=int(row["epoch"]))
        self._written = len(history)
        self._writer.flush()

    def _begun(self) -> Any:
        from tensorboard.summary import Writer

        make_folder(self._folder)
        for old in self._folder.glob("events.out.tfevents.*"):
            old.unlink()
        return Writer(str(self._folder))

    def __enter__(self) -> EpochLog:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._writer is not None:
            self._writer.close()
