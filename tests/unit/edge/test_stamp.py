import json
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.outputs.line_file import LineFile
from fer_edge.outputs.lines import EventOutput
from fer_edge.outputs.stamp import Stamp, own_name

PIXELS = np.zeros((4, 4, 3), np.uint8)
NEW_YEAR = datetime.fromisoformat("2027-01-01T00:00:00+00:00").timestamp()


def test_a_cameras_moments_have_a_time_of_day_with_its_zone() -> None:
    stamp = Stamp("hall-12ab34")
    stamp.see(Frame(PIXELS, 7, 100.0, "camera 0", NEW_YEAR))
    facts = stamp.facts(98.5)  # what began a little before the newest frame
    assert list(facts) == ["time", "source", "device"]
    assert datetime.fromisoformat(facts["time"]).timestamp() == pytest.approx(NEW_YEAR - 1.5)
    assert re.fullmatch(r".*T.*\.\d{3}[+-]\d\d:\d\d", facts["time"])
    assert (facts["source"], facts["device"]) == ("camera 0", "hall-12ab34")


def test_after_the_clock_was_set_right_the_time_is_right() -> None:
    stamp = Stamp("hall")
    stamp.see(Frame(PIXELS, 0, 1.0, "camera 0", 0.0))  # a Pi that starts in 1970
    stamp.see(Gap(2.0, wall_clock=NEW_YEAR))
    facts = stamp.facts(2.0)
    assert datetime.fromisoformat(facts["time"]).timestamp() == pytest.approx(NEW_YEAR)
    assert facts["source"] == "camera 0"


def test_files_have_no_time_of_day() -> None:
    stamp = Stamp("hall")
    stamp.see(Frame(PIXELS, 0, 1.0, "clip.mp4"))
    assert stamp.facts(1.0) == {"source": "clip.mp4", "device": "hall"}


def test_the_last_events_of_a_camera_are_stamped_too(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with LineFile(str(path)) as lines:
        output = EventOutput(lines, Stamp("hall"))
        output.write(Frame(PIXELS, 0, 5.0, "camera 0", NEW_YEAR), Analysis())
        output.finish(Analysis(events=[ExpressionEvent("ended", 1, "none", 0.0, 5.0)]))
    (line,) = map(json.loads, path.read_text().splitlines())
    assert datetime.fromisoformat(line["time"]).timestamp() == pytest.approx(NEW_YEAR)
    assert line["kind"] == "ended"


def test_two_devices_of_one_host_name_have_names_of_their_own(tmp_path: Path) -> None:
    names = set()
    for machine in ("a" * 32, "b" * 32):
        (tmp_path / "machine-id").write_text(machine + "\n")
        names.add(own_name(tmp_path / "machine-id"))
        names.add(own_name(tmp_path / "machine-id"))
    assert len(names) == 2
    assert all(re.fullmatch(r"[a-z0-9_-]+-[0-9a-f]{6}", name) for name in names)
    assert own_name(tmp_path / "absent") == own_name(tmp_path / "absent")
