"""Tiny committed inputs to exact outputs: pixels and reference kernels never drift."""

import json
from pathlib import Path

import numpy as np
import pytest

from fer_core.bundle import ModelBundle
from fer_core.values import Frame
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import shipped_models
from golden.make_golden import CROPS, crop_hash, reference_codes

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden.json").read_text())
with np.load(HERE / "faces.npz") as held:
    SCENE, FACES = held["scene"], held["faces"]


@pytest.mark.parametrize("name", sorted(CROPS))
def test_the_pixel_contract_is_frozen(name: str) -> None:
    assert crop_hash(Frame(SCENE, 0, 0.0), *CROPS[name]) == GOLDEN["crops"][name]


@pytest.mark.parametrize("name", sorted(shipped_models()))
def test_reference_kernels_are_bit_exact(name: str) -> None:
    assert reference_codes(shipped_models()[name], FACES) == GOLDEN["codes"][name]


@pytest.mark.parametrize("kernels", ["xnnpack", "builtin"])
@pytest.mark.parametrize("name", sorted(shipped_models()))
def test_other_kernels_differ_by_a_few_codes(name: str, kernels: str) -> None:
    model = TfliteModel(ModelBundle.load(shipped_models()[name]), kernels=kernels)
    codes = np.array([model.invoke(model.prepared(face[..., None])) for face in FACES], int)
    most = 16 if name.endswith("-ferplus") else 8  # their answers are sharper, so a step is more
    assert np.abs(codes - np.array(GOLDEN["codes"][name])).max() <= most


def test_every_shipped_model_has_its_golden_codes() -> None:
    assert set(GOLDEN["codes"]) == set(shipped_models())
