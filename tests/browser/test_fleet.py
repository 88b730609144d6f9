"""The page of a fleet in Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from fer_edge.deployment.announcement import Announcement
from fer_edge.fleet.fleet import Fleet
from fer_edge.fleet.requests import make_handler
from fer_edge.outputs.mqtt.report import BundleReport, CameraReport, Report
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.door import Door
from fer_edge.page.server import PageServer
from studio_browser import NEEDS_BROWSER, Visit, page_faults, visit

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
HOSTILE = "<img src=x onerror=alert(1)>"
REPORT = Report(
    "0.9.0",
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
SLOW = "it takes 20.1 ms for a face, 9.0 times as long as the model before (2.2 ms)"
NO_KEY = BundleReport(0, "takes none", "it has no key to check bundles with")
WANTED = Announcement("fer-small-int8", "35" * 32, "cd" * 32, 1000, "", 5)


def tell(fleet: Fleet, name: str, **changes: Any) -> None:
    report = replace(REPORT, **changes).to_json().encode()
    fleet.hear(f"fer-edge/{name}/availability", b"online", False)
    fleet.hear(f"fer-edge/{name}/report", report, False)


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.connected()
    return fleet


@pytest.fixture
def seen(fleet: Fleet, tmp_path: Path) -> Iterator[Visit]:
    door = Door(Access(ServeAddress("127.0.0.1", 0)))
    server = PageServer(make_handler(fleet, door), lambda: None)
    with (
        server,
        sync_api.sync_playwright() as playwright,
        visit(playwright, f"http://127.0.0.1:{server.port}/", tmp_path) as visited,
    ):
        yield visited


def names(page: Any) -> list[str]:
    return list(page.locator("#devices tbody th").all_inner_texts())


def test_a_fleet_is_shown_with_those_in_trouble_first(seen: Visit, fleet: Fleet) -> None:
    page = seen.page
    sync_api.expect(page.locator("#none")).to_contain_text("No device has told anything yet")
    text = json.dumps(asdict(WANTED)).encode()
    fleet.hear("fer-edge/bundle", b"A" * 88 + b"\n" + text, True)
    for number in (2, 10, 1):
        tell(fleet, f"shop-{number}")
    tell(fleet, "kitchen", temperature_celsius=84.2, slowed="under-voltage, throttled")
    wrong = {"model": HOSTILE, "trial": "taken back", "why": SLOW}
    tell(fleet, "hall", **wrong)
    tell(fleet, "attic", bundle=NO_KEY, cameras={"desk": CameraReport(7, 90.0)})
    fleet.hear("fer-edge/cellar/availability", b"offline", True)
    sync_api.expect(page.locator("#devices tbody tr")).to_have_count(7)
    order = ["attic", "hall", "kitchen", "cellar", "shop-1", "shop-2", "shop-10"]
    assert names(page) == order
    hall = page.locator("#devices tbody tr").nth(1)
    assert hall.locator(".badge").all_inner_texts() == ["alive", "wrong bundle"]
    assert f"went back: {SLOW}" in hall.inner_text()
    assert HOSTILE in hall.inner_text()
    assert "no picture: desk" in page.locator("#devices tbody tr").first.inner_text()
    assert "Published for all: fer-small-int8 353535353535." in page.inner_text("#published")
    assert page_faults(seen) == []
    seen.shoot("fleet")
    page.get_by_role("button", name="wrong bundle 1").click()
    assert names(page) == ["hall"]
    page.get_by_role("button", name="all 7").click()
    page.get_by_label("Find").fill("shop")
    assert names(page) == order[-3:]


def test_without_the_broker_the_page_says_so_and_goes_on_when_it_is_back(
    seen: Visit, fleet: Fleet
) -> None:
    page = seen.page
    tell(fleet, "hall")
    sync_api.expect(page.locator("#devices tbody tr")).to_have_count(1)
    fleet.lost("the connection broke")
    sync_api.expect(page.locator("#words")).to_contain_text("no broker for")
    assert "shown is what was known then" in page.inner_text("#words")
    assert names(page) == ["hall"]
    fleet.connected()
    sync_api.expect(page.locator("#words")).to_have_text("live")
    for topic in ("availability", "report"):
        fleet.hear(f"fer-edge/hall/{topic}", b"", False)
    sync_api.expect(page.locator("#devices tbody tr")).to_have_count(0)


def test_a_thousand_devices_stay_quick(seen: Visit, fleet: Fleet) -> None:
    page = seen.page
    for number in range(1000):
        tell(fleet, f"device-{number:04}")
    sync_api.expect(page.locator("#devices tbody tr")).to_have_count(1000)
    took = page.evaluate(
        "() => { const box = document.getElementById('find'); box.value = '99';"
        " const began = performance.now(); box.dispatchEvent(new Event('input'));"
        " return performance.now() - began; }"
    )
    assert len(names(page)) == 19
    assert took < 500
