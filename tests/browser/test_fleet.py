"""The page of a fleet in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fer_edge.fleet.fleet import Fleet
from fer_edge.fleet.requests import make_handler
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.door import Door
from fer_edge.page.server import PageServer
from studio_browser import NEEDS_BROWSER, Visit, page_faults, visit
from told_fleet import SLOW, tell, tell_seven

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
HOSTILE = "<img src=x onerror=alert(1)>"


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
    tell_seven(fleet, model=HOSTILE)
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
