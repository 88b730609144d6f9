"""The page of a device that lets unknown faces be named, in Chromium."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core.values import Face, FloatArray, Frame
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.haar import HaarDetector
from fer_edge.faces.tracks import Identity, Track
from fer_edge.identity.live_enrolment import LiveEnrolment
from fer_edge.identity.people import KnownPeople
from fer_edge.identity.unknown import UnknownFaces
from fer_edge.portrait import demo_portrait
from served_page import Served
from studio_browser import NEEDS_BROWSER, page_faults, save_camera, visit

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
PORTRAIT = Frame(demo_portrait(), 0, 0.0)


class Places:
    """Describes each face as another one's."""

    def __init__(self) -> None:
        self.asked = 0

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        self.asked += 1
        return np.array([self.asked], np.float32)


def test_a_face_is_named_and_another_one_forgotten(tmp_path: Path) -> None:
    (face,) = HaarDetector().detect(PORTRAIT)
    unknown = UnknownFaces()
    for track_id in (1, 2):
        track = Track(
            track_id, face, 0.0, np.zeros((12, 12), np.uint8), identity=Identity(agreed=2)
        )
        unknown.hear(track, PORTRAIT, face)
    enrolment = LiveEnrolment(unknown, KnownPeople(Places()), tmp_path / "people", HaarDetector())
    served = Served(enrolment=enrolment)
    camera = save_camera(tmp_path / "camera.mjpeg", "happy", faces=2)
    with served.server, sync_api.sync_playwright() as playwright:
        served.view.write(PORTRAIT, Analysis())
        address = f"http://127.0.0.1:{served.server.port}/"
        with visit(playwright, address, camera) as seen:
            page = seen.page
            page.wait_for_selector("#strangers li")
            assert "memory" in page.text_content("#unknown-how")
            seen.shoot("8-unknown-faces")
            face_of(page, 1).locator("input").fill("Somebody else")
            unknown.run = "after-a-restart"  # whose track 1 is another face
            sync_api.expect(face_of(page, 1).locator("input")).to_have_value("")
            assert "after-a-restart" in face_of(page, 1).locator("img").get_attribute("src")
            face_of(page, 1).locator("input").fill("Eileen")
            page.keyboard.press("Enter")
            page.get_by_text("Eileen is known from now on").wait_for()
            (stored,) = (tmp_path / "people" / "Eileen").iterdir()
            assert stored.name in page.text_content("#named")
            page.get_by_role("button", name="Forget face 2").click()
            page.get_by_text("Forgotten.").wait_for()
            assert page.locator("#strangers li").count() == 0
            assert page_faults(seen) == []


def face_of(page: Any, track: int) -> Any:
    return page.locator("#strangers li", has=page.locator(f"img[alt='Unknown face {track}']"))
