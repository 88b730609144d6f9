"""Makes the studio's picture in the documentation: python tests/studio_picture.py docs/studio.jpg.

The camera shows the public-domain portrait of the demo, moved about; the other faces are drawn.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

from drawn_faces import draw_scene
from fer_train.studio.server import StudioOptions, open_studio
from studio_browser import visit

PORTRAIT = Path(__file__).parents[1] / "edge/fer_edge/assets/astronaut.jpg"


def save_portrait_camera(path: Path) -> Path:
    """Write what the fake camera shows: the portrait, nearer and farther, to and fro."""
    portrait = cv2.imread(str(PORTRAIT))
    assert portrait is not None
    frames = []
    for each in np.linspace(0, 2 * np.pi, 90, endpoint=False):
        center = (portrait.shape[1] / 2, 150.0)
        moved = cv2.getRotationMatrix2D(center, 8 * np.sin(2 * each), 1.5 + 0.25 * np.sin(each))
        moved[:, 2] += (320 - center[0] + 60 * np.cos(each), 240 - center[1])
        frame = cv2.warpAffine(portrait, moved, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        frames.append(cv2.imencode(".jpg", frame)[1].tobytes())
    path.write_bytes(b"".join(frames))
    return path


def show(page: Page, folder: Path) -> None:
    """Make three classes and record for the first one."""
    for name in ("happy", "surprise", "sad"):
        page.fill("#new-class", name)
        page.click("#add button")
        card = page.locator(f"section[aria-label='Class {name}']")
        card.wait_for()
        if name == "happy":
            continue
        files = [folder / f"{name}_{each}.png" for each in range(20)]
        for each, file in enumerate(files):
            cv2.imwrite(str(file), draw_scene(name, 120 + 5 * each, 120, 180 + each, seed=each))
        card.locator("input[type=file]").set_input_files([str(file) for file in files])
        page.locator("#hint", has_text="Kept 20 of 20").wait_for()
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    page.locator(".hold").first.hover()
    page.mouse.down()
    for _ in range(300):
        page.wait_for_timeout(100)
        if (
            int(str(page.text_content(".count")).split()[0]) >= 30
            and page.locator("#boxes .good").count()
        ):
            return


def main(out: Path) -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        options = StudioOptions(folder / "studio", port=0, detector="haar", browser=False)
        with open_studio(options) as (_, server):
            camera = save_portrait_camera(folder / "camera.mjpeg")
            with visit(playwright, f"http://127.0.0.1:{server.port}/", camera) as seen:
                show(seen.page, folder)
                seen.page.screenshot(path=out, type="jpeg", quality=80)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
