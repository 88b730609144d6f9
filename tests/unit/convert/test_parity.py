"""What conversion says of its loss: needs no Keras."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import drawn_dataset
from fer_convert.parity import (
    ParityReport,
    allowed_drop,
    compare_models,
    doubtful_drop,
    few_pictures,
    refused_drop,
    save_parity,
    worse_than_chance,
)
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel

PARITY = ParityReport(200, 30, 0.25, 0.75, 0.70, 0.1, "LiteRT 2.1", "XNNPACK")


def test_half_a_point_may_be_lost_or_four_pictures_of_few() -> None:
    assert [allowed_drop(n) for n in (15, 400, 799, 800, 801, 3589)] == [
        26.7,
        1.0,
        0.6,
        0.5,
        0.5,
        0.5,
    ]


def test_a_report_tells_shares_and_points() -> None:
    told = PARITY.to_json()
    assert told["top1_agreement"] == 0.85
    assert told["drop_points"] == pytest.approx(5.0)
    assert told["runtime"] == "LiteRT 2.1"
    assert told["flips"] == 30


def test_a_loss_is_refused_above_the_limit_only() -> None:
    exact = replace(PARITY, parent_accuracy=0.75, child_accuracy=0.50)
    assert not exact.lost_more_than(25.0)
    assert exact.lost_more_than(24.9)
    assert exact.lost_more_than(float("nan"))
    assert refused_drop("net-int8", exact, 25.0, "--float16") == ""
    assert refused_drop("net-int8", exact, 2.5, "--float16") == (
        "net-int8 fell by 25.00 points, from 75.00% to 50.00%: more than --max-drop 2.5, so it was "
        "not written. Try --float16."
    )


@pytest.mark.parametrize("count", [100, 125, 200, 250, 400, 500, 800, 1000])
def test_what_floating_point_adds_is_no_loss(count: int) -> None:
    pictures, limit = (5, 0.5) if count == 1000 else (4, allowed_drop(count))
    for right in range(pictures + 1, count + 1):
        lost = replace(PARITY, count=count, parent_accuracy=right / count)
        allowed = replace(lost, child_accuracy=(right - pictures) / count)
        assert not allowed.lost_more_than(limit)
        assert replace(lost, child_accuracy=(right - pictures - 1) / count).lost_more_than(limit)


def test_a_loss_on_few_pictures_is_doubtful() -> None:
    few = replace(PARITY, count=16, parent_accuracy=0.75, child_accuracy=0.50)
    assert doubtful_drop("net-int8", few) == (
        "net-int8 fell by 25.0 points, which on 16 pictures may be chance: more validation "
        "pictures would tell, --max-drop 0.5 refuses it"
    )
    assert doubtful_drop("net-int8", replace(few, count=17)) == ""  # 23.6 may be chance
    assert doubtful_drop("net-int8", replace(few, child_accuracy=0.75)) == ""
    assert doubtful_drop("net-int8", replace(few, parent_accuracy=0.5049)) == ""  # 0.5 is allowed


def test_few_validation_pictures_are_told() -> None:
    assert few_pictures(1) == (
        "validation has 1 picture, too few to measure what conversion costs or to "
        "fit a temperature: use 100 or more"
    )
    assert few_pictures(99)
    assert few_pictures(100) == ""


def test_what_is_surely_worse_than_the_most_frequent_class_is_told() -> None:
    faces = drawn_dataset((1, 4, 1)).part("validation")
    mostly = replace(faces, labels=np.where(np.arange(28) < 21, 3, faces.labels))
    lost = replace(PARITY, count=28, child_accuracy=10 / 28)
    told = worse_than_chance("net-int8", lost, mostly)
    assert told.startswith("net-int8 is right for 35.7% of the pictures. Always answering happy ")
    assert "would be right for 75.0%: its labels or its input" in told
    assert worse_than_chance("net-int8", replace(lost, child_accuracy=18 / 28), mostly) == ""
    assert worse_than_chance("net-int8", lost, faces) == ""


def test_two_models_are_compared_picture_by_picture(nano: ModelBundle) -> None:
    faces = drawn_dataset((1, 4, 1)).part("validation")
    model = TfliteModel(nano)
    child = classify_images(model, faces.pixels)
    parent = child.copy()
    first = int(child[0].argmax())
    parent[0] = np.roll(child[0], 1)
    parity = compare_models(parent, model, faces)
    right = child.argmax(axis=1) == faces.labels
    before = right.copy()
    before[0] = (first + 1) % 7 == faces.labels[0]
    assert (parity.count, parity.flips) == (28, 1)
    assert parity.max_abs_diff == pytest.approx(float(np.abs(parent - child).max()))
    assert parity.max_abs_diff > 0
    assert parity.child_accuracy == pytest.approx(right.mean())
    assert parity.parent_accuracy == pytest.approx(before.mean())
    assert (parity.runtime, parity.kernels) == (model.runtime, model.kernels)
    assert set(parity.child_per_class) == set(faces.label_names)
    scores = [each["f1"] for each in parity.child_per_class.values()]
    assert parity.child_macro_f1 == pytest.approx(np.mean(scores))
    assert 0 < parity.child_ece < 1


def test_reports_of_other_recipes_stay(nano: ModelBundle, tmp_path: Path) -> None:
    file = tmp_path / "parity.json"
    judged = replace(nano, manifest=replace(nano.manifest, metrics={"validation": {"flips": 3}}))
    other = replace(judged, manifest=replace(judged.manifest, recipe="float16"))
    save_parity(file, judged, True)
    save_parity(file, other, False)
    assert json.loads(file.read_text()) == {
        "fer-nano-int8": {"written": True, "flips": 3},
        "fer-nano-float16": {"written": False, "flips": 3},
    }
    assert file.read_text().startswith('{\n "fer-nano-int8"')
    assert file.read_text().endswith("}\n")
    for content in ("not JSON", "[1, 2]"):
        file.write_text(content)
        with pytest.raises(FerError, match=r"is no parity report .*; remove it"):
            save_parity(file, judged, True)
