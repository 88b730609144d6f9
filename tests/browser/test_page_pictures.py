"""The pictures of pages in the documentation are made by one command."""

from pathlib import Path

import cv2
import pytest

from studio_browser import NEEDS_BROWSER

pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
DOCS = Path(__file__).parents[2] / "docs"


def test_the_command_makes_both_as_they_are_in_the_documentation(tmp_path: Path) -> None:
    import page_pictures

    page_pictures.main(tmp_path)
    for name in ("page", "fleet"):
        made, committed = (cv2.imread(str(at / f"{name}.jpg")) for at in (tmp_path, DOCS))
        assert made.shape == committed.shape
        assert cv2.absdiff(made, committed).mean() < 6  # times of day differ
