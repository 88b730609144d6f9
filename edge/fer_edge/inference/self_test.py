"""What a new network answers on a few known faces, and whether a device should run it.

The faces are shown in a process of its own, as in `trial`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import numpy as np

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.manifest import GoldenAnswers
from fer_core.own_process import last_words, limit_this_process, run_module
from fer_core.typed_json import read_json
from fer_core.values import FloatArray
from fer_edge.inference.golden_faces import GOLDEN_VERSION, golden_faces
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.trial import LIMIT_BYTES, LIMIT_SECONDS, load_tried

SAME_ANSWER = 1.5 / 256
"""Answers that differ by less are the same: an int8 softmax has steps of 1/256."""
MOST_APART = 0.1
"""By how much a probability may differ from what conversion wrote down. Kernels differ by up to
0.03 on these faces (the shipped models with XNNPACK, builtin and reference kernels)."""


def load_checked(path: Path) -> ModelBundle:
    """Return the bundle in a file once its network has answered sensibly, in another process.

    Raises:
        FerError: There is no bundle, it does not run, or its answers make no sense.
    """
    bundle = load_tried(path)
    done = run_module(
        "fer_edge.inference.self_test", str(path.resolve()), seconds=LIMIT_SECONDS, what=str(path)
    )
    if done.returncode:
        raise FerError(f"{path} does not run: {last_words(done)}")
    answers = read_json(done.stdout, list[list[float]], f"the self-test of {path}")
    require_sense(bundle, np.array(answers, np.float32))
    return bundle


def require_sense(bundle: ModelBundle, probabilities: FloatArray) -> None:
    """Make sure that the answers to the known faces are those of a classifier of faces.

    Args:
        bundle: The bundle.
        probabilities: (faces, classes).

    Raises:
        FerError: They are all the same, or others than at conversion.
    """
    name, golden = bundle.name, bundle.manifest.golden
    if np.ptp(probabilities, axis=0).max() < SAME_ANSWER:
        raise FerError(
            f"{name} gives the same answer for {len(probabilities)} different faces: it has "
            "learned nothing, or its pixels are scaled otherwise",
            see="model-same-answer",
        )
    if golden is None or golden.version != GOLDEN_VERSION:
        return
    before = np.array(golden.answers, np.float32)
    apart = np.abs(probabilities - before).max() if before.shape == probabilities.shape else 1.0
    if apart > MOST_APART:
        raise FerError(
            f"{name} answers otherwise here than where it was converted: a probability differs by "
            f"{apart:.2f}. Does fer-edge doctor tell of an old runtime?",
            see="model-other-answers",
        )


def answers_to_golden_faces(model: TfliteModel) -> FloatArray:
    """Return probabilities (faces, classes) for the known faces.

    Raises:
        FerError: The network gives what is no distribution.
    """
    faces = golden_faces(model.bundle.manifest.input)
    answers = np.stack([model.answer(face) for face in faces])
    name = model.bundle.name
    if not np.isfinite(answers).all():
        raise FerError(f"{name} answers with values that are no numbers")
    is_shares = model.bundle.manifest.output == "probabilities"
    if is_shares and (answers.min() < -0.01 or not answers.sum(axis=1).min() > 0):
        raise FerError(
            f"{name} answers with {answers.min():.3g} to {answers.max():.3g}, which are no "
            "probabilities: does it end in a softmax?"
        )
    return np.stack([model.probabilities(face) for face in faces])


def golden_answers(model: TfliteModel) -> GoldenAnswers:
    """Return what a manifest says of a network's answers to the known faces.

    Raises:
        FerError: The network gives what is no distribution.
    """
    answers = answers_to_golden_faces(model)
    rows = tuple(tuple(round(float(share), 4) for share in row) for row in answers)
    return GoldenAnswers(GOLDEN_VERSION, rows)


if __name__ == "__main__":
    try:
        limit_this_process(LIMIT_SECONDS, LIMIT_BYTES)
        shown = answers_to_golden_faces(TfliteModel(ModelBundle.load(Path(sys.argv[1]))))
    except FerError as error:
        sys.exit(str(error).replace("\n", " "))
    except MemoryError:
        sys.exit(f"it needs more than {LIMIT_BYTES / 2**30:.0f} GiB of memory")
    os.write(1, msgspec.json.encode(shown.tolist()))
