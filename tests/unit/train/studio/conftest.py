"""A studio whose training and conversion are `studio_stub`."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fer_train.studio import jobs
from fer_train.studio.server import StudioOptions, open_studio
from served_studio import Served


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(jobs, "TRAIN", "studio_stub")
    monkeypatch.setattr(jobs, "CONVERT", "studio_stub")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setenv("STUDIO_STUB", "ends well")
    monkeypatch.delenv("FER_EDGE_TOKEN", raising=False)
    options = StudioOptions(tmp_path / "own", port=0, detector="haar", browser=False)
    with ExitStack() as stack:
        studio, server = stack.enter_context(open_studio(options))
        yield Served(tmp_path / "own", studio, server, stack.close)
