"""Counts the clicks and seconds from an empty studio to a model on a device.

    PYTHONPATH=tests python tests/studio_walk.py

Three classes of 30 pictures, each recorded from the camera by a held button. A fake camera shows
one drawn face, so each class has a browser of its own, in which the camera is started again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright

from fer_edge.deployment.folder import ModelFolder
from fer_train.studio.server import StudioOptions, open_studio
from served_page import TOKEN, Served
from studio_browser import save_camera, visit

CLASSES = ("happy", "sad", "surprise")
PICTURES = 30
COUNT_CLICKS = """
window.clicks = 0;
addEventListener("pointerdown", () => { window.clicks += 1; }, true);
"""


def show(page: Page, name: str) -> None:
    """Add a class and record it."""
    page.click("#new-class")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    card = page.locator(f"section[aria-label='Class {name}']")
    card.wait_for()
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    card.locator(".hold").hover()
    page.mouse.down()
    while int(str(card.locator(".count").text_content()).split()[0]) < PICTURES:
        page.wait_for_timeout(50)
    page.mouse.up()


def train_and_deploy(page: Page, address: str) -> None:
    """Train with what the page proposes, then send the model to a device."""
    page.click("#to-train a")
    page.click("#train-button")
    page.wait_for_selector("#result:not([hidden]) .figure", timeout=300_000)
    page.click("#steps a[href='#use']")
    page.click("#address")
    page.keyboard.type(address)
    page.click("#token")
    page.keyboard.type(TOKEN)
    page.click("#send")
    page.wait_for_selector("#deployed.good", timeout=60_000)


def walk(playwright: Playwright, studio: str, device: str, folder: Path) -> None:
    """Print the clicks and seconds of each step."""
    clicks, seconds = 0, 0.0

    def measured(name: str, camera: str, act: Callable[[Page], None]) -> None:
        nonlocal clicks, seconds
        file = save_camera(folder / f"{camera}.mjpeg", camera)
        with visit(playwright, studio, file) as seen:
            seen.page.evaluate(COUNT_CLICKS)
            started = time.monotonic()
            act(seen.page)
            took, pressed = time.monotonic() - started, seen.page.evaluate("window.clicks")
        clicks, seconds = clicks + pressed, seconds + took
        print(f"{name}: {pressed} clicks, {took:.0f} s")

    for each in CLASSES:
        measured(f"show {each}", each, partial(show, name=each))
    measured("train and deploy", "happy", partial(train_and_deploy, address=device))
    print(f"together: {clicks} clicks, {seconds:.0f} s")


def main() -> None:
    """Open a studio and a device, and walk from one to the other."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        options = StudioOptions(folder / "studio", port=0, detector="haar", browser=False)
        _, studio = stack.enter_context(open_studio(options))
        models = ModelFolder(folder / "models")
        stack.enter_context(models.held_by_this_run())
        device = stack.enter_context(Served(TOKEN, models=models).server)
        addresses = (f"http://127.0.0.1:{server.port}" for server in (studio, device))
        walk(stack.enter_context(sync_playwright()), *addresses, folder)


if __name__ == "__main__":
    main()
