"""`fer-convert check` on a shipped bundle and drawn faces: needs no Keras."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_convert import verify
from fer_convert.verify import describe, require_runtime, verify_bundle
from fer_core.bundle import ModelBundle
from fer_core.data_settings import DataSettings
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.preprocess import InputSpec
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel


@dataclass(frozen=True, slots=True)
class Judged:
    """A bundle as conversion leaves it, and the pictures that it was judged by."""

    path: Path
    data: Path
    bundle: ModelBundle
    classes: np.ndarray
    """What it answers to the validation pictures, (n,)."""
    labels: np.ndarray

    def save(self, provenance: dict[str, Any], validation: dict[str, Any]) -> Path:
        """Write it with other facts; None takes one away."""
        manifest, recorded = self.bundle.manifest, self.bundle.manifest.metrics["validation"]
        facts = {k: v for k, v in {**manifest.provenance, **provenance}.items() if v is not None}
        metrics = {"validation": {**recorded, **validation}}
        told = replace(manifest, provenance=facts, metrics=metrics)
        replace(self.bundle, manifest=told).save(self.path)
        return self.path

    def parent(self, others: int) -> str:
        """Return answers of a parent that differ in so many pictures that the child has wrong.

        The parent has each of these right, so the child lost as many.
        """
        wrong = np.flatnonzero(self.classes != self.labels)[:others]
        assert len(wrong) == others
        answers = self.classes.copy()
        answers[wrong] = self.labels[wrong]
        return " ".join(map(str, answers))


@pytest.fixture(scope="module")
def drawn(nano: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    home = tmp_path_factory.mktemp("judged")
    larger = drawn_dataset((2, 30, 1)).fitted(InputSpec(60, 60))  # than the network takes
    data = save_npz(home / "drawn.npz", larger)
    settings = DataSettings(data=str(data))
    validation = settings.load(nano.manifest.input).part("validation")
    model = TfliteModel(nano)
    classes = classify_images(model, validation.pixels).argmax(axis=1)
    facts = {
        "parent_classes": " ".join(map(str, classes)),
        "data_settings": {name: asdict(settings)[name] for name in verify.DATA_SETTINGS},
        "validation_fingerprint": validation.fingerprint(),
        "data": "drawn",
        "fer_edge_kit": "0.1",
        "keras": "3.15",
        "command": "fer-convert --int8",
    }
    metrics = {
        "flips": 0,
        "child_accuracy": float((classes == validation.labels).mean()),
        "runtime": model.runtime,
        "kernels": model.kernels,
    }
    manifest = replace(nano.manifest, provenance=facts, metrics={"validation": metrics})
    bundle = ModelBundle(nano.model, manifest)
    return Judged(home / "judged.tflite", data, bundle, classes, validation.labels)


@pytest.fixture
def judged(drawn: Judged) -> Judged:
    drawn.save({}, {})
    return drawn


def test_a_bundle_that_answers_as_it_did_holds(judged: Judged) -> None:
    told = verify_bundle(judged.path, judged.data, 0.0)
    share = f"{(judged.classes == judged.labels).mean():.2%}"
    assert told.startswith(f"fer-nano-int8: accuracy {share} -> {share} on 210 validation pictures")
    assert "(+0.00 points, 95 % interval -0.92 to +0.92), 0 flips" in told
    assert f"(recorded: 0, {share}); " in told
    model = TfliteModel(judged.bundle)
    assert told.endswith(f"{model.runtime}, {model.kernels} kernels")


def test_the_pictures_of_a_fold_are_taken_by_their_rows(judged: Judged) -> None:
    rows = list(range(14, 224))  # the validation pictures, as the data divides them
    assert verify_bundle(judged.save({"held_out": " ".join(map(str, rows))}, {}), judged.data, 0.0)
    path = judged.save({"held_out": " ".join(map(str, rows[1:]))}, {})
    with pytest.raises(FerError, match=r"the validation pictures of drawn\.npz are not those of"):
        verify_bundle(path, judged.data, 0.0)


def test_pictures_in_folders_may_have_other_numbers(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def numbered(dataset: FerDataset, first: int) -> FerDataset:
        return replace(dataset, rows=dataset.rows + first, numbered=False)

    pictures = DataSettings(data=str(judged.data)).load(judged.bundle.manifest.input)
    monkeypatch.setattr(DataSettings, "load", lambda settings, spec: numbered(pictures, 0))
    files = numbered(pictures, 0).part("validation")
    for fingerprint in (files.fingerprint(), files.fingerprint(rows=False)):  # of 0.2, and newer
        path = judged.save({"validation_fingerprint": fingerprint}, {})
        assert verify_bundle(path, judged.data, 0.0)
    monkeypatch.setattr(DataSettings, "load", lambda settings, spec: numbered(pictures, 3))
    assert verify_bundle(path, judged.data, 0.0)


def test_without_a_path_the_data_is_in_its_usual_place(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER2013", str(judged.data))
    assert verify_bundle(judged.path, None, 0.0) == verify_bundle(judged.path, judged.data, 0.0)


def test_the_oldest_runtime_is_read_from_the_file_itself(judged: Judged) -> None:
    path = judged.save({"min_runtime": "1.0"}, {})  # what was recorded does not count then
    with pytest.raises(FerError, match=r"fer-nano-int8 needs TensorFlow Lite .* newer than 1\.5"):
        require_runtime(path, "1.5")
    require_runtime(path, "9.0")


def test_what_was_lost_is_told_in_points_and_bounded(judged: Judged) -> None:
    path = judged.save({"parent_classes": judged.parent(21)}, {"flips": 21})
    told = verify_bundle(path, judged.data, 10.0)  # 21 of 210: just what is allowed
    assert "(-10.00 points, 95 % interval -14.03 to -5.78), 21 flips (recorded: 21, " in told
    with pytest.raises(FerError, match=r"does not hold: more than --max-drop 9\.99") as refused:
        verify_bundle(path, judged.data, 9.99)
    assert str(refused.value).startswith(told)  # what came out is said all the same
    with pytest.raises(FerError, match="more than --max-drop nan"):
        verify_bundle(path, judged.data, float("nan"))


def test_without_a_limit_that_of_conversion_counts_else_half_a_point(judged: Judged) -> None:
    parent = judged.parent(2)  # 0.95 points
    path = judged.save({"parent_classes": parent, "max_drop_points": 1.0}, {"flips": 2})
    assert "2 flips" in verify_bundle(path, judged.data, None)
    path = judged.save({"parent_classes": parent, "max_drop_points": None}, {"flips": 2})
    with pytest.raises(FerError, match=r"more than --max-drop 0\.5$"):
        verify_bundle(path, judged.data, None)
    path = judged.save({"parent_classes": judged.parent(1)}, {"flips": 1})  # 0.48 points
    assert "1 flips" in verify_bundle(path, judged.data, None)


@pytest.mark.parametrize("recorded", [1, 3])
def test_a_flip_more_or_less_than_recorded_is_chance(judged: Judged, recorded: int) -> None:
    path = judged.save({"parent_classes": judged.parent(2)}, {"flips": recorded})
    assert f"2 flips (recorded: {recorded}," in verify_bundle(path, judged.data, 5.0)


@pytest.mark.parametrize("recorded", [0, 4])
def test_two_more_or_less_are_not(judged: Judged, recorded: int) -> None:
    path = judged.save({"parent_classes": judged.parent(2)}, {"flips": recorded})
    with pytest.raises(FerError, match="more than 1 flips more or less than recorded"):
        verify_bundle(path, judged.data, 5.0)


@pytest.mark.parametrize("other", [{"runtime": "another 1.0"}, {"kernels": "others"}])
def test_other_kernels_may_flip_one_of_a_hundred(judged: Judged, other: dict[str, str]) -> None:
    path = judged.save({"parent_classes": judged.parent(2)}, {"flips": 4, **other})
    assert "2 flips" in verify_bundle(path, judged.data, 5.0)  # 2 of 210 more or less
    path = judged.save({"parent_classes": judged.parent(2)}, {"flips": 5, **other})
    with pytest.raises(FerError, match="more than 2 flips more or less than recorded"):
        verify_bundle(path, judged.data, 5.0)


def test_other_pictures_are_refused_by_name(judged: Judged, tmp_path: Path) -> None:
    other = save_npz(tmp_path / "other.npz", drawn_dataset((2, 31, 1)))
    with pytest.raises(FerError, match=r"of other\.npz are not those of drawn that fer-nano-int8"):
        verify_bundle(judged.path, other, 100.0)
    path = judged.save({"parent_classes": None}, {})
    with pytest.raises(FerError, match=r"judged\.tflite does not hold its parent's answers"):
        verify_bundle(path, judged.data, 100.0)


def test_an_adopted_bundle_has_no_parent(judged: Judged) -> None:
    path = judged.save({"parent_classes": None, "adopted_from": "theirs.tflite"}, {})
    with pytest.raises(FerError, match=r"was adopted, without a parent .*: use fer-bench"):
        verify_bundle(path, judged.data, 100.0)


def test_data_settings_of_the_manifest_decide_the_pictures(judged: Judged) -> None:
    wrong = {"labels": "ferplus", "seed": 1, "skip_bad": False}
    path = judged.save({"data_settings": wrong}, {})
    with pytest.raises(FerError, match=r"ferplus labels need the votes of FER\+"):
        verify_bundle(path, judged.data, 100.0)
    path = judged.save({"data_settings": {"labels": "fer2014"}}, {})
    with pytest.raises(FerError, match="the data settings of fer-nano-int8"):
        verify_bundle(path, judged.data, 100.0)


def test_what_a_bundle_is_and_where_it_comes_from(judged: Judged) -> None:
    first, *_, last = describe(judged.path).split("\n")
    size = round(judged.path.stat().st_size / 1024)
    labels = "angry, disgust, fear, happy, sad, surprise, neutral"
    assert first == f"fer-nano-int8: {size} KiB, takes 48x48 gray, knows {labels}"
    made = "made with fer-edge-kit 0.1 and Keras 3.15 from drawn"
    assert last == f"{made}: fer-convert --int8"
    assert describe(judged.save({"command": None}, {})).endswith(made)
    adopted = describe(judged.save({"adopted_from": "their.tflite"}, {}))
    assert adopted.endswith("adopted from their.tflite with fer-edge-kit 0.1")


def test_without_a_reader_what_was_recorded_is_told(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "can_read_files", lambda: False)
    assert "what it holds is not recorded" in describe(judged.path)
    facts = {"min_runtime": "2.5.0", "macs": 5_500_000, "activation_bytes": 88_064}
    path = judged.save(facts, {})
    told = describe(path).split("\n")[1]
    assert told.startswith("5.50 million multiply-accumulates, 86 KiB of activations; runtime: Ten")
    assert "TensorFlow Lite 2.5.0 or newer (as recorded; reading the file itself" in told
    require_runtime(path, "2.5")
    with pytest.raises(FerError, match=r"needs TensorFlow Lite 2\.5\.0, newer than 2\.4"):
        require_runtime(path, "2.4")
    with pytest.raises(FerError, match=r"needs TensorFlow Lite \?, newer than 2\.14"):
        require_runtime(judged.save({"min_runtime": None}, {}), "2.14")
