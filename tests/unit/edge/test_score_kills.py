"""What the study of killed workers kills on a Ray cluster, which stand-ins play."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

import ray_nodes

pytest.importorskip("pyarrow", reason="pyarrow is not here")
STUDIES = Path(__file__).parents[3] / "edge" / "studies"


def test_some_of_the_busy_workers_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STUDIES))
    import score_kills

    cluster = SimpleNamespace(address="127.0.0.1:9")
    monkeypatch.setattr(ray_nodes, "ray_nodes", lambda nodes: nullcontext(cluster))
    monkeypatch.setattr(ray_nodes, "busy_workers", lambda cluster: {11: "node", 12: "node"})
    with score_kills.victims("ray") as prey:
        assert prey.workers(1)[:1] == [11]
        assert prey.env["RAY_ADDRESS"] == cluster.address
