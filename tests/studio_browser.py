"""A studio, a browser with a fake camera, and what every page of ours owes to those who look."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene

BROWSER = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)
NEEDS_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(not BROWSER, reason="needs Chromium: sudo apt install chromium"),
]
"""The marks of a module of tests that show pages to a browser."""
SHOTS = os.environ.get("FER_STUDIO_SHOTS")
"""A folder for a picture of every state, for people to look at."""
PATIENCE_SECONDS = 120.0
"""How long a page may take to come to what a test waits for; a computer may have other work."""
WIDE, TELEPHONE = (1280, 860), (390, 844)
_LOOKS = Path(__file__).parent.joinpath("browser", "looks.js").read_text(encoding="utf-8")
_FAKE = "--use-fake-ui-for-media-stream --use-fake-device-for-media-stream"


def save_camera(path: Path, expression: str, faces: int = 60, nobody: int = 0) -> Path:
    """Write what a fake camera shows again and again: a drawn face that moves, then nobody."""
    empty = np.full((480, 640, 3), 90, np.uint8)
    frames = [
        draw_scene(expression, 150 + 3 * (each % 60), 130, size=200 + each % 60, seed=each)
        for each in range(faces)
    ]
    encoded = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames + [empty] * nobody]
    path.write_bytes(b"".join(encoded))
    return path


@dataclass(slots=True)
class Visit:
    """A page in a browser, and what it did that it must not."""

    page: Any
    faults: list[str] = field(default_factory=list)

    def shoot(self, name: str) -> None:
        """Save pictures of a state, wide and as on a telephone, light and dark."""
        if not SHOTS:
            return
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        for size, (width, height) in {"wide": WIDE, "telephone": TELEPHONE}.items():
            self.page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)
                file = Path(SHOTS, f"{name}-{size}-{scheme}.png")
                self.page.screenshot(path=file, full_page=True)
        self.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        self.page.emulate_media(color_scheme="light")


@contextmanager
def visit(playwright: Any, address: str, camera: Path) -> Iterator[Visit]:
    """Open a page in a browser of its own, whose camera shows a file."""
    browser = playwright.chromium.launch(
        executable_path=BROWSER,
        args=[*_FAKE.split(), f"--use-file-for-fake-video-capture={camera}"],
    )
    try:
        context = browser.new_context(
            viewport={"width": WIDE[0], "height": WIDE[1]}, ignore_https_errors=True
        )
        context.set_default_timeout(1000 * PATIENCE_SECONDS)
        seen = Visit(context.new_page())
        _note_faults(seen, address)
        seen.page.goto(address)
        seen.page.wait_for_selector("#status.well")
        yield seen
    finally:
        browser.close()


def add_class(page: Any, name: str) -> None:
    """Add a class by the form of the first step."""
    page.fill("#new-class", name)
    page.click("#add button")
    page.locator(f"section[aria-label='Class {name}']").wait_for()


def wait_until(page: Any, true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Look again and again; scripts that the page does not bring cannot wait there (CSP)."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true in time"
        page.wait_for_timeout(50)


def _note_faults(seen: Visit, address: str) -> None:
    def asked(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            seen.faults.append(f"asked for {request.url}")

    def said(message: Any) -> None:
        if message.type in ("error", "warning"):
            seen.faults.append(f"console: {message.text} {message.location['url']}")

    seen.page.on("console", said)
    seen.page.on("pageerror", lambda error: seen.faults.append(f"error: {error}"))
    seen.page.on("request", asked)


def page_faults(seen: Visit) -> list[str]:
    """Return what is wrong with a page as it stands, wide and narrow, light and dark."""
    page = seen.page
    faults = [*seen.faults, *_ask(page, "basics")]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        faults += [f"contrast, {scheme}, {each}" for each in _ask(page, "contrast")]
    page.emulate_media(color_scheme="light")
    for width, height in (TELEPHONE, WIDE):
        page.set_viewport_size({"width": width, "height": height})
        reaches = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{reaches} px wide on {width} px"] if reaches > width else []
    return faults


def tab_faults(seen: Visit) -> list[str]:
    """Return what the tab key does not reach in the order of the page, or shows no focus of."""
    page, places, faults = seen.page, [], []
    wanted = _ask(page, "reachable")
    page.evaluate("document.querySelector('.skip').focus()")
    while len(places) < 2 * len(wanted):  # places that scroll get the focus, too
        now = _ask(page, "focused")
        if now["place"] == wanted[0] and places:
            break  # around
        if places and now["place"] in wanted and not now["outlined"]:
            faults.append(f"no focus to see: {now['tag']}")
        places.append(now["place"])
        page.keyboard.press("Tab")
    reached = [place for place in places if place in wanted]
    return (
        faults if reached == wanted else [*faults, f"the tab key reaches {reached}, not {wanted}"]
    )


def _ask(page: Any, question: str) -> Any:
    return page.evaluate(f"{_LOOKS.strip()}.{question}()")
