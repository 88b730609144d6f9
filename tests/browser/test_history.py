"""The section History of a run's page in Chromium."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.values import Frame
from fer_edge.faces.analysis import Analysis
from fer_edge.history.periods import hour_of
from fer_edge.history.place import Place
from history_rows import looks, saved
from served_page import Served
from studio_browser import NEEDS_BROWSER, Visit, page_faults, visit

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Visit]:
    now = hour_of(int(time.time()))
    ages = [now - day * 86400 for day in range(29)]
    path = saved(
        tmp_path / "h.sqlite",
        looks(now, 5, "happy", "anna"),
        looks(now, 3, "neutral", HOSTILE, 40.0),
        *(looks(at, 20, "neutral", "", camera="door") for at in ages[1:]),
    )
    served = Served(history=Place(str(path)))
    with served.server, sync_api.sync_playwright() as playwright:
        served.view.write(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0.0, "t"), Analysis())
        with visit(playwright, f"http://127.0.0.1:{served.server.port}/", path) as visited:
            yield visited


def rows(page: Any, table: str) -> list[list[str]]:
    found = page.locator(f"#{table} tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in found]


def test_people_see_today_the_week_and_the_month(seen: Visit) -> None:
    page = seen.page
    page.wait_for_selector("#chart rect")
    assert page.locator("#chart rect").count() == 2  # an hour with two expressions
    assert page.locator("#days").inner_text().endswith("7 min in sight, everybody added up")
    assert rows(page, "shares") == [["happy", "5 min", "71 %"], ["neutral", "2 min", "29 %"]]
    assert [row[1:] for row in rows(page, "streaks")] == [
        ["5 min", "happy, anna"],
        ["3 min", f"neutral, {HOSTILE}"],
    ]
    page.get_by_role("button", name="30 days").click()
    sync_api.expect(page.locator("#chart rect")).to_have_count(30)
    pressed = page.locator("#periods [aria-pressed=true]").all_inner_texts()
    assert pressed == ["30 days"]
    page.get_by_label("Camera").select_option("door")
    sync_api.expect(page.locator("#chart rect")).to_have_count(28)
    page.locator("#history summary").click()
    assert len(rows(page, "numbers")) == 28
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    text = started.value.path().read_text()
    assert text.count("\n") == 29
    assert "anna" not in text
    page.get_by_label("Camera").select_option("")
    page.get_by_label("Person").select_option("not known")
    sync_api.expect(page.locator("#shares tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Today").click()
    sync_api.expect(page.locator("#days")).to_contain_text("nobody in sight")
    assert page.get_by_label("Person").input_value() == "\n"  # the choice stays
    assert not page.locator("#chart").is_visible()


def test_the_section_is_readable_for_all(seen: Visit) -> None:
    seen.page.wait_for_selector("#chart rect")
    seen.page.get_by_role("button", name="30 days").click()
    seen.page.locator("#history summary").click()
    assert page_faults(seen) == []
    seen.shoot("history")
