"""What is said where Ray cannot work, without Ray itself."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from unittest import mock

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: extra [score]")

from fer_core.errors import FerError
from fer_edge.score.manifest import Result
from fer_edge.score.ray_pool import RayPool
from score_works import Nothing

MISMATCH = """Version mismatch: The cluster was started with:
    Ray: 2.40.0
    Python: 3.10.1
This process was started with:
    Ray: 2.60.0"""


class RayError(Exception):
    """Stands for Ray's own."""


class TaskError(RayError):
    """Stands for RayTaskError."""


def fake_ray(**more: object) -> mock.Mock:
    errors = SimpleNamespace(
        RayError=RayError, RayTaskError=TaskError, RuntimeEnvSetupError=TaskError
    )
    return mock.Mock(exceptions=errors, __version__="2.60.0", **more)


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_workers_that_die_at_their_start_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    died = RayError("The worker died\nof SIGILL")
    ray = fake_ray(wait=lambda tasks, **_: (tasks, []), get=mock.Mock(side_effect=died))
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(FerError, match=r"no worker starts: its worker died .*The worker died"):
        RayPool(Nothing(), "ray")
    ray.shutdown.assert_called_once()


def test_a_worker_that_is_killed_at_its_start_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came = mock.Mock(side_effect=[RayError("killed"), RayError("killed"), Result(0, 0)])
    ray = fake_ray(wait=lambda tasks, **_: (tasks, []), get=came)
    monkeypatch.setitem(sys.modules, "ray", ray)
    RayPool(Nothing(), "ray")
    assert came.call_count == 3
    ray.shutdown.assert_not_called()


def test_both_versions_of_ray_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules, "ray", fake_ray(init=mock.Mock(side_effect=RuntimeError(MISMATCH)))
    )
    with pytest.raises(FerError, match=r"started with: Ray: 2\.40\.0 Python: 3\.10\.1 .*2\.60\.0"):
        RayPool(Nothing(), "ray")
