"""A minute of what `make soak` does for ten, or for an hour."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "soak"))
pytestmark = pytest.mark.soak


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the soak reads Linux's /proc")
@pytest.mark.skipif(
    not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()),
    reason="the soak needs mosquitto: sudo apt install mosquitto",
)
def test_a_minute_of_faults_is_survived(tmp_path: Path) -> None:
    from soak import soak

    found = soak(60, tmp_path)
    assert not found.problems, "\n".join(found.problems)
    assert len(found.faults) >= 4
