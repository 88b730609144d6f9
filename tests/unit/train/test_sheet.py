"""A contact sheet has each picture in its place, as wide and as high as it is."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras")
from fer_train.sheet import CELL, TITLE, Tile, save_sheet

DPI = 110


def test_pictures_stand_in_their_cells_and_a_gap_stays_empty(tmp_path: Path) -> None:
    wide = Tile(np.full((30, 60), 90, np.uint8), "")
    tall = Tile(np.full((80, 40, 3), (200, 0, 0), np.uint8), "tall", faulty=True)
    save_sheet(tmp_path / "sheet.png", [wide, None, tall, *[wide] * 8], "three of $x$")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    width, height = (round(DPI * side) for side in (10 * CELL[0], 2 * CELL[1] + TITLE))
    assert sheet.shape == (height, width, 3)

    def cell(row: int, column: int) -> np.ndarray:
        top, left = TITLE + row * CELL[1], column * CELL[0]
        inches = top, top + CELL[1], left, left + CELL[0]
        first, last, start, end = (round(DPI * each) for each in inches)
        return sheet[first:last, start:end]

    def size(found: np.ndarray) -> tuple[int, int]:
        rows, columns = np.nonzero(found)
        return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1

    for place in ((0, 0), (1, 0)):
        gray = (abs(cell(*place).astype(int) - 90) <= 1).all(axis=2)  # matplotlib 3.8 gives 89
        assert size(gray) == pytest.approx((DPI / 2, DPI), abs=2)
    assert (cell(0, 1) == 255).all()
    red = (cell(0, 2) == (0, 0, 200)).all(axis=2)
    assert size(red) == pytest.approx((DPI, DPI / 2), abs=2)
    assert (cell(1, 1) == 255).all()
