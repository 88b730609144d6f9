"""The section Moments of a run's page in Chromium: clips play, are saved and deleted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.values import Frame
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs.clips.folder import ClipFolder
from served_page import Served
from studio_browser import NEEDS_BROWSER, Visit, page_faults, visit, wait_until
from written_clips import write_clips

pytest.importorskip("av", reason="PyAV is not installed")
sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def folder(tmp_path: Path) -> ClipFolder:
    clips = [("door", "happy", HOSTILE), ("desk", "surprise", ""), ("door", "happy", "anna")]
    return write_clips(tmp_path / "clips", clips, seconds=6.0)


@pytest.fixture
def seen(folder: ClipFolder) -> Iterator[Visit]:
    served = Served(clips=folder)
    with served.server, sync_api.sync_playwright() as playwright:
        served.view.write(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0.0, "t"), Analysis())
        with visit(playwright, f"http://127.0.0.1:{served.server.port}/", folder.path) as visited:
            visited.page.wait_for_selector("#clip-list li")
            yield visited


def video_is(page: Any, what: str) -> Any:
    return page.evaluate(f"document.querySelector('#clip-list video').{what}")


def test_a_clip_plays_is_wound_saved_and_deleted(seen: Visit, folder: ClipFolder) -> None:
    page, newest = seen.page, folder.clips()[0].file
    content = folder.file(newest).read_bytes()
    texts = page.locator(".clip > span:first-of-type").all_inner_texts()
    assert texts == [
        "happy, anna, door · 6 s",
        "surprise, desk · 6 s",
        f"happy, {HOSTILE}, door · 6 s",
    ]
    assert "3 of 3 shown" in page.inner_text("#clips-kept")
    page.get_by_role("button", name="Play: happy, anna").click()
    wait_until(page, lambda: bool(video_is(page, "currentTime") > 0.2))
    assert video_is(page, "duration") == pytest.approx(5.95, abs=0.1)
    page.evaluate("document.querySelector('#clip-list video').currentTime = 4.5")
    wait_until(page, lambda: bool(video_is(page, "currentTime") > 4.6))
    seen.shoot("clips")
    assert page_faults(seen) == []
    page.get_by_role("button", name="Play: surprise").click()
    assert page.locator("#clip-list video").count() == 1
    page.get_by_role("button", name="Close: surprise").click()
    assert page.locator("#clip-list video").count() == 0
    with page.expect_download() as started:
        page.get_by_role("link", name="Save: happy, anna").click()
    assert started.value.suggested_filename == newest
    assert started.value.path().read_bytes() == content
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Delete: happy, anna").click()
    assert folder.file(newest).exists()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete: happy, anna").click()
    sync_api.expect(page.locator("#clips-said")).to_have_text("Deleted.")
    sync_api.expect(page.locator("#clip-list li")).to_have_count(2)
    assert page.evaluate("document.activeElement.id") == "clips"
    assert not (folder.path / newest).exists()


def test_a_clip_that_is_being_recorded_can_be_watched_and_not_deleted(
    seen: Visit, folder: ClipFolder
) -> None:
    folder.begin(folder.clips()[0])
    page = seen.page
    page.reload()
    page.get_by_text("happy, anna, door · being recorded").wait_for()
    assert page.get_by_role("button", name="Delete: happy, anna").count() == 0
    page.get_by_role("button", name="Play: happy, anna").click()
    wait_until(page, lambda: bool(video_is(page, "currentTime") > 0.2))
    assert page_faults(seen) == []
