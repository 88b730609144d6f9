"""A result of one's own board, put where the committed ones lie."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fer_core.errors import FerError


def reference_folder(results: dict[str, Any], root: Path) -> Path:
    """Return where a result belongs, by Pi or processor; raise FerError for one not fit to keep.

    Kept are full runs of accuracy and latency in which nothing was disturbed and nothing failed,
    and none takes the place of another.
    """
    models = results["models"]
    faults = [f"{model['name']} could not be measured" for model in results.get("failed", [])]
    for model in models:
        if model.get("conditions", {}).get("noisy"):
            faults.append(f"{model['name']} was timed in a bad moment")
        if "accuracy" not in model:
            faults.append(f"{model['name']} has no accuracy")
    where = results["environment"]
    if where.get("busy"):
        faults.append("other programs were at work")
    if results.get("quick"):
        faults.append("it was --quick")
    if faults:
        raise FerError(f"not fit to be kept: {'; '.join(faults)}; measure anew")
    name = f"{where['board'] if where['on_a_pi'] else where['cpu']} {where['cores']} cores"
    folder = root / re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if (folder / "results.json").exists():
        raise FerError(
            f"{folder} holds a result already; see what differs: fer-bench compare "
            f"{folder / 'results.json'} RESULTS"
        )
    return folder
