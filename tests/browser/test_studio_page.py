"""What the studio's page owes to those who use keys, several tabs or a telephone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from drawn_faces import draw_scene
from fer_train.studio.server import StudioOptions, open_studio
from studio_browser import BROWSER, Visit, save_camera, visit

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not BROWSER, reason="needs Chromium: sudo apt install chromium"),
]


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Visit]:
    """The page, with two classes: happy of six pictures, and an empty one."""
    camera = save_camera(tmp_path / "camera.mjpeg", "happy", faces=30)
    options = StudioOptions(tmp_path / "studio", port=0, detector="haar", browser=False)
    with (
        open_studio(options) as (studio, server),
        sync_api.sync_playwright() as playwright,
    ):
        for name in ("happy", "wink"):
            studio.collection.add(name)
        for each in range(6):
            face = cv2.resize(draw_scene("happy", seed=each), (48, 48))[..., :1]
            studio.collection.keep("happy", "first", face)
        with visit(playwright, f"http://127.0.0.1:{server.port}/", camera) as seen:
            yield seen


def card(seen: Visit, name: str) -> Any:
    return seen.page.locator(f"section[aria-label='Class {name}']")


def test_another_step_ends_the_recording_and_says_that_the_camera_is_on(seen: Visit) -> None:
    page = seen.page
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    card(seen, "wink").get_by_role("button", name="Timer: 10 s").click()
    page.wait_for_selector("#hint.good:not(:empty)")
    page.click("#steps a[href='#train']")
    page.get_by_text("The camera is on.").wait_for()
    page.wait_for_timeout(600)  # the shot that was under way
    files = card(seen, "wink").locator(".thumbs li")
    before = files.count()
    page.wait_for_timeout(1000)
    assert before > 0
    assert files.count() == before
    page.locator("#stop-camera").click()
    assert page.locator("#camera-is-on").is_hidden()


def test_the_skip_link_leads_to_the_content_of_the_step(seen: Visit) -> None:
    page = seen.page
    page.click("#steps a[href='#train']")
    page.focus("#skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    assert page.locator("#train").is_visible()
    assert page.url.endswith("#train")
    page.evaluate("location.hash = 'enough'")
    assert page.locator("#train").is_visible()
