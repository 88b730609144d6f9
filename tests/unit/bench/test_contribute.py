from pathlib import Path
from typing import Any

import pytest

from bench_results import ENVIRONMENT, bare_model, evaluated_model, results_values
from fer_bench.contribute import reference_folder
from fer_bench.results import Results
from fer_core.errors import FerError

MODEL = evaluated_model()
BOARD: dict[str, Any] = {
    **ENVIRONMENT, "board": "Raspberry Pi 5 Model B Rev 1.0", "cpu": "Cortex-A76", "cores": 4,
    "on_a_pi": True,
}  # fmt: skip


def results(**changed: Any) -> Results:
    return Results.from_json({**results_values(MODEL, environment=BOARD), **changed})


def test_a_result_lies_by_its_board_and_takes_nobodys_place(tmp_path: Path) -> None:
    folder = reference_folder(results(), tmp_path)
    assert folder == tmp_path / "raspberry-pi-5-model-b-rev-1-0-4-cores"
    laptop = {**ENVIRONMENT, "cpu": "Some (R) Core", "cores": 8}
    own = reference_folder(results(environment=laptop), tmp_path)
    assert own == tmp_path / "some-r-core-8-cores"
    newer = {**laptop, "instructions": "avx2 avx_vnni"}
    own = reference_folder(results(environment=newer), tmp_path)
    assert own == tmp_path / "some-r-core-avx2-avx-vnni-8-cores"
    jetson = {**ENVIRONMENT, "board": "Jetson Nano", "cpu": "unknown", "instructions": "asimd"}
    own = reference_folder(results(environment=jetson), tmp_path)
    assert own == tmp_path / "jetson-nano-2-cores"
    server = {**jetson, "board": "aarch64", "cpu": "aarch64"}
    own = reference_folder(results(environment=server), tmp_path)
    assert own == tmp_path / "aarch64-asimd-2-cores"
    folder.mkdir()
    (folder / "results.json").write_text("{}")
    with pytest.raises(FerError, match="holds a result already"):
        reference_folder(results(), tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"quick": True}, "it was --quick"),
        ({"failed": [{"name": "x", "error": "crash"}]}, "x could not be measured"),
        (
            {"models": [{**MODEL, "conditions": {"noisy": True}}]},
            "fer-nano-int8 was timed in a bad moment",
        ),
        ({"environment": {**BOARD, "busy": True}}, "other programs were at work"),
        ({"models": [bare_model("fer-nano-int8")]}, "fer-nano-int8 has no accuracy"),
    ],
)
def test_what_is_not_fit_is_refused(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(FerError, match=f"not fit to be kept: {said}"):
        reference_folder(results(**changed), tmp_path)
