"""What the shipped bundles promise, on real FER2013."""

from pathlib import Path

import pytest

from fer_convert.contents import read_contents
from fer_convert.verify import verify_bundle
from fer_core.bundle import ModelBundle
from fer_edge.inference.models import shipped_models

pytestmark = pytest.mark.slow

LARGEST = {"fer-nano": (60_000, 110), "fer-small": (400_000, 450), "fer-base": (1_200_000, 1434)}
"""Parameters and KiB, also of the networks of the same size that learned the votes of FER+."""


@pytest.mark.parametrize("name", sorted(shipped_models()))
def test_a_shipped_bundle_is_small_and_integer_and_holds_its_parity(
    name: str, real_data: Path
) -> None:
    path = shipped_models()[name]
    bundle, (parameters, kib) = ModelBundle.load(path), LARGEST[name.removesuffix("-ferplus")]
    assert bundle.manifest.provenance["parameters"] <= parameters
    assert path.stat().st_size <= kib * 1024
    read_contents(bundle.model).require_integer(name)
    own = name in LARGEST  # the others are judged by fewer pictures
    drop = verify_bundle(path, real_data, 0.3 if own else 0.4)
    assert f"{name}-int8: accuracy" in drop
    assert bundle.manifest.metrics["validation"]["child_ece"] <= (0.03 if own else 0.05)
