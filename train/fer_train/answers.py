"""What a trained network says of the pictures that judge it, kept in its run folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import load_arrays, written_beside
from fer_core.values import FloatArray


def save_answers(file: Path, judged: FerDataset, probabilities: FloatArray) -> None:
    """Write probabilities (n, classes) as .npz, with the pictures that they are of."""
    with written_beside(file) as beside, beside.open("wb") as stream:
        np.savez_compressed(
            stream, rows=judged.rows, probabilities=probabilities, data=judged.fingerprint()
        )


def saved_answers(file: Path, judged: FerDataset) -> FloatArray | None:
    """Return the probabilities (n, classes) that a file has, None where there is no file.

    Raises:
        FerError: They are of other pictures.
    """
    if not file.exists():
        return None
    held = load_arrays(file)
    if str(held["data"]) == judged.fingerprint():
        return np.asarray(held["probabilities"], np.float32)
    raise FerError(
        f"{file} is of other pictures than {judged.name} holds now; start again in another --out"
    )
