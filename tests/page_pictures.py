"""Makes the pictures of the pages in the documentation: python tests/page_pictures.py docs.

page.jpg shows the page of a run: five minutes in which the public-domain portrait and two drawn
faces came and went. fleet.jpg shows the page of a fleet of seven devices.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from drawn_faces import draw_scene
from fer_core.values import Frame
from fer_edge.faces.analysis import StreamAnalyzer
from fer_edge.faces.detector import DetectorRequest
from fer_edge.faces.detectors import make_detector
from fer_edge.fleet.fleet import Fleet
from fer_edge.fleet.requests import make_handler
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import ModelFacts, load_model
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.door import Door
from fer_edge.page.server import PageServer
from fer_edge.page.view import LiveView
from fer_edge.sources.demo import DemoSource
from served_page import Served
from studio_browser import visit
from told_fleet import tell_seven

STEP_SECONDS, LENGTH_SECONDS = 1, 300
NOBODY = np.full((480, 640, 3), 90, np.uint8)


def watched() -> Iterator[Frame]:
    """Yield five minutes, a frame a second: who is there changes, and the portrait is last."""
    count = LENGTH_SECONDS // STEP_SECONDS
    portrait = DemoSource(count).frames(threading.Event())
    for index in range(count):
        at = index * STEP_SECONDS
        moved = next(portrait)
        if at < 60 or at >= 230:
            yield replace(moved, captured_at=at)
        elif 75 <= at < 140:
            yield Frame(draw_scene("sad"), index, at)
        elif 155 <= at < 220:
            yield Frame(draw_scene("disgust"), index, at)
        else:
            yield Frame(NOBODY, index, at)


def show_run(page: Page, view: LiveView, frame: Frame, analyzer: StreamAnalyzer) -> None:
    """Go on with the last frame until the page has its picture."""
    for number in range(1, 40):
        again = replace(frame, captured_at=frame.captured_at + number * 0.1)
        view.write(again, analyzer.analyze(again))
        page.wait_for_timeout(100)
        if view.viewers and page.locator("#faces").count() and number > 20:
            return


def run_picture(out: Path) -> None:
    """Write the picture of a run's page."""
    began, now = time.time() - LENGTH_SECONDS, [0.0]
    view = LiveView(wall=lambda: began + now[0])
    detector = make_detector("haar", DetectorRequest(stream=True))
    analyzer = StreamAnalyzer(detector, TfliteClassifier(TfliteModel(load_model())))
    for frame in watched():
        now[0] = frame.captured_at
        view.write(frame, analyzer.analyze(frame))
    served = Served(view=view)
    served.model = ModelFacts.of(load_model())
    address = f"http://127.0.0.1:{served.server.port}/"
    with served.server, sync_playwright() as playwright, visit(playwright, address, Path()) as seen:
        seen.page.emulate_media(color_scheme="dark")
        seen.page.set_viewport_size({"width": 1100, "height": 860})
        show_run(seen.page, view, frame, analyzer)
        seen.page.screenshot(path=out, type="jpeg", quality=80)


def fleet_picture(out: Path) -> None:
    """Write the picture of a fleet's page."""
    fleet = Fleet()
    fleet.connected()
    door = Door(Access(ServeAddress("127.0.0.1", 0)))
    server = PageServer(make_handler(fleet, door), lambda: None)
    address = f"http://127.0.0.1:{server.port}/"
    with server, sync_playwright() as playwright, visit(playwright, address, Path()) as seen:
        tell_seven(fleet)
        seen.page.set_viewport_size({"width": 1160, "height": 760})
        seen.page.locator("#devices tbody tr").nth(6).wait_for()
        seen.page.screenshot(path=out, type="jpeg", quality=80)


def main(folder: Path) -> None:
    """Write both."""
    run_picture(folder / "page.jpg")
    fleet_picture(folder / "fleet.jpg")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
