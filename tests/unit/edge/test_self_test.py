"""What is asked of a new network before a device runs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.manifest import GoldenAnswers, ModelManifest
from fer_core.preprocess import InputSpec
from fer_edge.inference import self_test
from fer_edge.inference.golden_faces import GOLDEN_VERSION, golden_faces
from fer_edge.inference.interpreter import KERNELS, TfliteModel
from fer_edge.inference.models import load_model, shipped_models
from fer_edge.inference.self_test import (
    MOST_APART,
    answers_to_golden_faces,
    golden_answers,
    load_checked,
    require_sense,
)
from new_models import constant


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_known_faces_stay_what_they_are() -> None:
    """Others need another GOLDEN_VERSION: bundles hold what was answered to these."""
    faces = golden_faces(InputSpec())
    assert [face.shape for face in faces] == [(48, 48, 1)] * 7
    means = [158, 158, 52, 158, 134, 134, 131]
    assert [float(face.mean()) for face in faces] == pytest.approx(means, abs=1)
    assert GOLDEN_VERSION == 1
    assert [face.shape for face in golden_faces(InputSpec(64, 32, "rgb"))] == [(64, 32, 3)] * 7


@pytest.mark.parametrize("name", sorted(shipped_models()))
@pytest.mark.parametrize("kernels", sorted(KERNELS))
def test_the_shipped_models_pass_with_all_kernels(name: str, kernels: str) -> None:
    bundle = load_model(name)
    golden = golden_answers(TfliteModel(bundle))
    held = ModelBundle(bundle.model, replace(bundle.manifest, golden=golden))
    require_sense(held, answers_to_golden_faces(TfliteModel(bundle, kernels=kernels)))


def test_a_bundle_that_holds_its_answers_is_checked_where_it_comes(
    tmp_path: Path, nano: ModelBundle
) -> None:
    golden = golden_answers(TfliteModel(nano))
    file = tmp_path / "mine.tflite"
    ModelBundle(nano.model, replace(nano.manifest, golden=golden)).save(file)
    assert load_checked(file).manifest.golden == golden
    turned = GoldenAnswers(GOLDEN_VERSION, golden.answers[::-1])
    ModelBundle(nano.model, replace(nano.manifest, golden=turned)).save(file)
    with pytest.raises(FerError, match="answers otherwise here than where it was converted"):
        load_checked(file)
    of_others = replace(turned, version=GOLDEN_VERSION + 1)
    ModelBundle(nano.model, replace(nano.manifest, golden=of_others)).save(file)
    load_checked(file)  # answers to other faces say nothing


def test_a_network_that_has_learned_nothing_is_refused(tmp_path: Path, nano: ModelBundle) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT's schema makes the network")
    file = tmp_path / "constant.tflite"
    constant(nano).save(file)
    with pytest.raises(FerError, match="constant-int8 gives the same answer for 7 different faces"):
        load_checked(file)


def test_answers_that_are_off_by_kernels_alone_are_the_same(nano: ModelBundle) -> None:
    answers = answers_to_golden_faces(TfliteModel(nano))
    bundle = ModelBundle(
        nano.model, replace(nano.manifest, golden=golden_answers(TfliteModel(nano)))
    )
    require_sense(bundle, answers + np.float32(0.9 * MOST_APART))
    with pytest.raises(FerError, match="answers otherwise"):
        require_sense(bundle, answers + np.float32(1.1 * MOST_APART))
    with pytest.raises(FerError, match="answers otherwise"):
        require_sense(bundle, answers[:, :5])


@pytest.mark.parametrize(
    ("answer", "output", "reason"),
    [
        ([float("nan"), 1], "probabilities", "values that are no numbers"),
        ([float("inf"), 1], "logits", "values that are no numbers"),
        ([-3, 4], "probabilities", "-3 to 4, which are no probabilities"),
        ([0, 0], "probabilities", "which are no probabilities"),
        ([-3, 4], "logits", ""),
    ],
)
def test_what_is_no_distribution_is_refused(
    nano: ModelBundle, answer: list[float], output: str, reason: str
) -> None:
    manifest = replace(nano.manifest, labels=("a", "b"), output=output)
    model = SimpleNamespace(
        bundle=ModelBundle(b"", manifest),
        answer=lambda face: np.array(answer, np.float32),
        probabilities=lambda face: np.array([0.5, 0.5], np.float32),
    )
    if not reason:
        assert answers_to_golden_faces(model).shape == (7, 2)
        return
    with pytest.raises(FerError, match=reason):
        answers_to_golden_faces(model)


def test_older_programs_read_a_manifest_with_answers(nano: ModelBundle) -> None:
    golden = GoldenAnswers(1, ((0.25, 0.75), (1.0, 0.0)))
    text = replace(nano.manifest, golden=golden).to_json()
    assert ModelManifest.from_json(text).golden == golden
    assert '"schema_version": 1' in text
    assert "golden" not in replace(nano.manifest, golden=None).to_json()  # as in older bundles
    with pytest.raises(FerError, match="manifest cannot be read"):
        ModelManifest.from_json(text.replace("0.25", "25"))


def test_the_faces_are_shown_in_a_process_of_its_own(
    tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.tflite"
    nano.save(file)
    monkeypatch.setattr(self_test, "load_tried", ModelBundle.load)
    monkeypatch.setattr(self_test, "answers_to_golden_faces", None)  # of this process
    assert load_checked(file).name == "fer-nano-int8"
