"""What a trained network says of the pictures that judge it, kept in its run folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import load_arrays, written_beside
from fer_core.values import FloatArray


def save_answers(
    file: Path, learned: FerDataset, judged: FerDataset, probabilities: FloatArray
) -> None:
    """Write what a network says as .npz.

    Args:
        file: The file.
        learned: What the network learned from; other pictures may be among them.
        judged: The pictures that judge it.
        probabilities: What it says of these, (n, classes).
    """
    with written_beside(file) as beside, beside.open("wb") as stream:
        np.savez_compressed(
            stream,
            rows=judged.rows,
            probabilities=probabilities,
            data=judged.fingerprint(),
            learned=learned.fingerprint(),
        )


def saved_answers(file: Path, learned: FerDataset, judged: FerDataset) -> FloatArray | None:
    """Return the probabilities (n, classes) that a file has, None where there is no file.

    Args:
        file: The file.
        learned: What `save_answers` was given; files of earlier versions do not say it.
        judged: The pictures that judge the network.

    Raises:
        FerError: The network learned from other pictures, or was judged by others.
    """
    if not file.exists():
        return None
    held = load_arrays(file)
    wanted = learned.fingerprint()
    same = str(held.get("learned", wanted)) == wanted
    if same and str(held["data"]) == judged.fingerprint():
        return np.asarray(held["probabilities"], np.float32)
    raise FerError(
        f"{file} is of other pictures than {judged.name} holds now; start again in another --out"
    )
