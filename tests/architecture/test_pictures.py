"""The pictures of the documentation come from one command, and stand in its pages."""

import re
from pathlib import Path

import cv2
import pytest

import pictures

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "pictures"
NAMES = sorted(
    [*(f"{name}.svg" for name in pictures.DRAWN), *(f"{name}.jpg" for name in pictures.PHOTOS)]
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    pictures.main(folder)
    return folder


def words(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_the_command_makes_all_of_them(made: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == NAMES
    assert sorted(path.name for path in COMMITTED.iterdir()) == NAMES
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 600_000


@pytest.mark.parametrize("name", pictures.DRAWN)
def test_a_drawing_says_what_the_code_and_the_results_say_now(name: str, made: Path) -> None:
    """Not every byte: another matplotlib puts its lines down otherwise."""
    texts = [words((folder / f"{name}.svg").read_text()) for folder in (made, COMMITTED)]
    assert len(texts[0]) > 10
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", pictures.PHOTOS)
def test_a_photo_shows_what_the_code_makes_of_it_now(name: str, made: Path) -> None:
    now, committed = (cv2.imread(str(folder / f"{name}.jpg")) for folder in (made, COMMITTED))
    assert now.shape == committed.shape
    assert cv2.absdiff(now, committed).mean() < 2


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_it_with_words_for_who_does_not_see_it(name: str) -> None:
    shown = re.compile(rf"!\[[^\]]{{20,}}\]\([./]*pictures/{re.escape(name)}\)")
    pages = [
        path for path in (ROOT / "docs").rglob("*.md") if shown.search(path.read_text("utf-8"))
    ]
    assert pages, f"no page shows {name}"
