import pytest

from bench_results import bare_model, evaluated_model, stored
from fer_bench.side_by_side import side_by_side
from fer_core.errors import ArgumentError

BARE = bare_model("bare", file_bytes=2048, latency_ms={"p50": 0.5, "runs": 9})
JUDGED = evaluated_model(
    "judged",
    accuracy=0.6612,
    accuracy_interval95=[0.6455, 0.6765],
    accuracy_change=-0.002,
    accuracy_change_interval95=[-0.005, 0.001],
    robustness={"blur": 0.4, "noise": 0.5},
    latency_ms={"p50": 0.25, "runs": 9},
    label_flips=0,
    activation_bytes=110_592,
)
REFERENCE = {**BARE, "name": "mini-xception-int8", "latency_ms": {"p50": 0.1, "runs": 9}}
RESULTS = stored(BARE, JUDGED, REFERENCE, data="faces, test split")


SAD = {"precision": 0.5, "recall": 0.625, "f1": 0.556, "support": 8}


def table(text: str) -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {first: rest for first, *rest in rows}


def test_models_stand_side_by_side_in_the_wanted_order() -> None:
    rows = table(side_by_side(RESULTS, ["judged", "bare"]))
    assert rows["faces, test split, single crop"] == ["judged", "bare"]
    assert rows["accuracy (95 % interval)"] == ["**66.1 %** (64.5 to 67.7)", "-"]
    change = rows["points against its own float32, paired"]
    assert change == ["-0.20 (-0.50 to +0.10)", "-"]
    assert rows["accuracy, mean over the distortions"] == ["45.0 %", "-"]
    assert rows["the worst of these"] == ["40.0 % (blur)", "-"]
    assert rows["labels that differ from its own float32's"] == ["0", "-"]
    assert rows["activations held at once"] == ["108 KiB", "-"]
    assert rows["parameters"] == ["57,783", "-"]
    assert rows["latency of a face, one thread"] == ["0.250 ms", "0.500 ms"]
    assert rows["times the latency of mini-xception-int8"] == ["2.50", "5.00"]


def test_details_are_every_class_and_every_distortion() -> None:
    whole = {**JUDGED, "per_class": {"sad": SAD, "glad": SAD}}
    rows = table(side_by_side(stored(BARE, whole), ["judged", "bare"], True))
    assert rows["sad: precision, recall, F1"] == ["50.0, 62.5, 55.6", "-"]
    assert rows["blur"] == ["40.0 (-26.1)", "-"]


def test_what_was_never_timed_has_no_latency() -> None:
    judged = stored({**JUDGED, "latency_ms": None})
    assert not any("latency" in row for row in table(side_by_side(judged, ["judged"])))


def test_what_nobody_has_is_no_row_and_the_first_is_the_reference() -> None:
    rows = table(side_by_side(stored(BARE, JUDGED, data="faces, test split"), ["bare"]))
    assert set(rows) == {
        "faces, test split, single crop", "---", "file", "latency of a face, one thread",
        "times the latency of bare",
    }  # fmt: skip


def test_a_model_that_was_not_measured_is_named() -> None:
    with pytest.raises(ArgumentError, match="no fer-nan, x among bare, judged"):
        side_by_side(RESULTS, ["judged", "fer-nan", "x"])
