from pathlib import Path
from typing import Any

import pytest

from fer_bench.contribute import reference_folder
from fer_core.errors import FerError

MODEL: dict[str, Any] = {"name": "fer-nano-int8", "accuracy": 0.66, "conditions": {"noisy": False}}
RESULTS: dict[str, Any] = {
    "environment": {
        "board": "Raspberry Pi 5 Model B Rev 1.0", "cpu": "Cortex-A76", "cores": 4, "on_a_pi": True,
    },
    "models": [MODEL], "failed": [], "quick": False,
}  # fmt: skip


def test_a_result_lies_by_its_board_and_takes_nobodys_place(tmp_path: Path) -> None:
    folder = reference_folder(RESULTS, tmp_path)
    assert folder == tmp_path / "raspberry-pi-5-model-b-rev-1-0-4-cores"
    laptop = {"board": "x86_64", "cpu": "Some (R) Core", "cores": 8, "on_a_pi": False}
    own = reference_folder({**RESULTS, "environment": laptop}, tmp_path)
    assert own == tmp_path / "some-r-core-8-cores"
    folder.mkdir()
    (folder / "results.json").write_text("{}")
    with pytest.raises(FerError, match="holds a result already"):
        reference_folder(RESULTS, tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"quick": True}, "it was --quick"),
        ({"failed": [{"name": "x", "error": "crash"}]}, "x could not be measured"),
        (
            {"models": [{**MODEL, "conditions": {"noisy": True}}]},
            "fer-nano-int8 was timed in a bad moment",
        ),
        ({"environment": {**RESULTS["environment"], "busy": True}}, "other programs were at work"),
        ({"models": [{"name": "fer-nano-int8"}]}, "fer-nano-int8 has no accuracy"),
    ],
)
def test_what_is_not_fit_is_refused(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(FerError, match=f"not fit to be kept: {said}"):
        reference_folder({**RESULTS, **changed}, tmp_path)
