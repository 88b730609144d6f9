"""Every format in whatever runtime is here; `make device-test` makes them for tflite-runtime."""

from pathlib import Path

import numpy as np
import pytest

from drawn_faces import draw_face
from fer_core.bundle import ModelBundle
from fer_core.preprocess import InputSpec
from fer_edge.inference.interpreter import TfliteModel

FORMATS = Path(__file__).parents[3] / "build" / "formats"
NAMES = ("float32", "float16", "dynamic", "int8", "int16x8", "mixed")


@pytest.mark.skipif(not FORMATS.exists(), reason="no formats are made: make device-test")
@pytest.mark.parametrize("name", NAMES)
def test_a_converted_file_runs_and_answers_as_float32_does(name: str) -> None:
    bundle, parent = (
        TfliteModel(ModelBundle.load(FORMATS / f"fer-nano-{recipe}.tflite"))
        for recipe in (name, "float32")
    )
    for expression in ("happy", "surprise", "neutral"):
        face = InputSpec().resized(draw_face(expression))
        assert np.abs(bundle.probabilities(face) - parent.probabilities(face)).max() < 0.15
