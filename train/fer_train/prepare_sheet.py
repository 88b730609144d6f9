"""The contact sheet of prepared photos: every crop, and what was left out with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_core.class_folders import CONTACT_SHEET
from fer_core.opencv import cv2
from fer_core.pictures import read_picture
from fer_core.values import UInt8Array
from fer_train.prepared import PreparedFolder, PreparedPhoto
from fer_train.sheet import Tile, save_sheet

MOST_OF_EACH = 100
_SIDE_PX = 96
_NOTHING = np.full((_SIDE_PX, _SIDE_PX), 200, np.uint8)


def save_prepared_sheet(photos: Path, folder: PreparedFolder) -> Path:
    """Draw the photos left out, small and with the reason in red, then the crops."""
    left_out = [photo for photo in folder.photos if photo.crop is None]
    cropped = [photo for photo in folder.photos if photo.crop is not None]
    tiles = [
        Tile(_thumbnail(photos, photo), _caption(photo), True) for photo in left_out[:MOST_OF_EACH]
    ]
    for photo in cropped[:MOST_OF_EACH]:
        assert photo.crop is not None
        tiles.append(Tile(photo.crop.squeeze(), _caption(photo)))
    title = f"{len(left_out)} photos left out, {len(cropped)} faces cropped"
    save_sheet(folder.out / CONTACT_SHEET, tiles, title, most=len(tiles))
    return folder.out / CONTACT_SHEET


def _caption(photo: PreparedPhoto) -> str:
    return "\n".join(word for word in (photo.label, photo.path.name[-18:], photo.reason) if word)


def _thumbnail(photos: Path, photo: PreparedPhoto) -> UInt8Array:
    """Return the photo within 96 px as RGB, gray ground for one that cannot be read."""
    picture = read_picture(photos / photo.path, colour=True)
    if isinstance(picture, str):
        return _NOTHING
    pixels = picture.pixels
    scale = _SIDE_PX / max(pixels.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in pixels.shape[1::-1])
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small[:, :, ::-1], np.uint8)
