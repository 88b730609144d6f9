import json
from dataclasses import replace
from pathlib import Path

import pytest

from convert_cases import request_of, silent
from drawn_faces import drawn_dataset, save_npz
from fer_convert.convert import convert
from fer_convert.verify import describe, verify_bundle
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError


def test_a_bundle_can_be_checked_again(saved: tuple[Path, Path], tmp_path: Path) -> None:
    request = replace(request_of(saved, tmp_path / "out", 100.0), command="fer-convert --int8")
    (path,) = convert(request, silent)
    assert "made with fer-edge-kit" in describe(path)
    assert describe(path).endswith("fer-convert --int8")
    recorded = json.loads((tmp_path / "out" / "parity.json").read_text())["fer-nano-int8"]
    told = verify_bundle(path, saved[1], 100.0)
    assert f"{recorded['flips']} flips (recorded: {recorded['flips']}" in told
    assert f"{recorded['parent_accuracy']:.2%} -> {recorded['child_accuracy']:.2%}" in told
    for limit in (-101.0, float("nan")):
        with pytest.raises(FerError, match="the parity does not hold: more than --max-drop"):
            verify_bundle(path, saved[1], limit)
    assert verify_bundle(path, saved[1], None) == told  # what conversion allowed
    other = save_npz(tmp_path / "other.npz", drawn_dataset((8, 5, 1)))
    with pytest.raises(FerError, match="are not those of"):
        verify_bundle(path, other, 100.0)
    bundle = ModelBundle.load(path)
    bundle.manifest.provenance.pop("parent_classes")
    bundle.save(tmp_path / "old.tflite")
    with pytest.raises(FerError, match="does not hold its parent's answers"):
        verify_bundle(tmp_path / "old.tflite", saved[1], 100.0)


def test_a_bundle_that_answers_otherwise_than_it_did_does_not_hold(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    (path,) = convert(request_of(saved, tmp_path / "out", 100.0), silent)
    bundle = ModelBundle.load(path)
    parent = bundle.manifest.provenance["parent_classes"].split()
    bundle.manifest.provenance["parent_classes"] = " ".join(str(6 - int(p)) for p in parent)
    bundle.save(path)
    with pytest.raises(FerError, match="more than 1 flips more or less than recorded"):
        verify_bundle(path, saved[1], 200.0)
