"""A fleet of seven devices, three of them in trouble, as a broker tells of them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from fer_core import __version__
from fer_edge.deployment.announcement import Announcement
from fer_edge.fleet.fleet import Fleet
from fer_edge.outputs.mqtt.report import BundleReport, CameraReport, Report
from fer_edge.session.fleet import NO_KEY

SLOW = "it takes 20.1 ms for a face, 9.0 times as long as the model before (2.2 ms)"
_REPORT = Report(
    __version__,
    90_000,
    "fer-small-int8",
    "35" * 32,
    "kept",
    "",
    {"door": CameraReport(1_234_567, 0.1)},
    52.0,
    "",
    {"events": 1234, "frames_dropped": 17},
    BundleReport(5, "taken"),
)
_NO_KEY = BundleReport(0, "takes none", NO_KEY)
_WANTED = Announcement("fer-small-int8", "35" * 32, "cd" * 32, 1000, "", 5)


def tell(fleet: Fleet, name: str, **changes: Any) -> None:
    """Let a device report."""
    report = replace(_REPORT, **changes).to_json().encode()
    fleet.hear(f"fer-edge/{name}/availability", b"online", False)
    fleet.hear(f"fer-edge/{name}/report", report, False)


def tell_seven(fleet: Fleet, model: str = "fer-nano-int8") -> None:
    """Let seven devices report; `model` is the one that went back to its old bundle."""
    text = json.dumps(asdict(_WANTED)).encode()
    fleet.hear("fer-edge/bundle", b"A" * 88 + b"\n" + text, True)
    for number in (2, 10, 1):
        tell(fleet, f"shop-{number}")
    tell(fleet, "kitchen", temperature_celsius=84.2, slowed="under-voltage, throttled")
    tell(fleet, "hall", model=model, trial="taken back", why=SLOW)
    tell(fleet, "attic", bundle=_NO_KEY, cameras={"desk": CameraReport(7, 90.0)})
    fleet.hear("fer-edge/cellar/availability", b"offline", True)
