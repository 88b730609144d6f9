"""The gate, reason by reason, on the portrait and on drawn faces."""

from importlib.resources import files

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.pictures import decode_picture
from fer_train.studio import quality
from served_studio import Served

PORTRAIT = decode_picture(
    files("fer_edge").joinpath("assets", "astronaut.jpg").read_bytes(), colour=True
)


def portrait(change: float = 1.0, blur: float = 0.0, moved: int = 0) -> np.ndarray:
    picture = np.clip(PORTRAIT * np.float32(change), 0, 255).astype(np.uint8)
    if blur:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    if moved:
        picture = cv2.filter2D(picture, -1, np.full((1, moved), 1 / moved, np.float32))
    return picture


def two_faces() -> np.ndarray:
    scene = draw_scene("happy", x=40, size=180)
    scene[:, 340:] = draw_scene("sad", x=380, size=180)[:, 340:]
    return scene


def one_behind() -> np.ndarray:
    scene = draw_scene("sad", x=20, size=220)
    scene[:, 400:] = draw_scene("sad", x=480, y=300, size=100)[:, 400:]
    return scene


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (np.full((480, 640, 3), 90, np.uint8), quality.NO_FACE),
        (two_faces(), quality.TWO_FACES),
        (cv2.resize(portrait(), None, fx=0.4, fy=0.4), quality.TOO_SMALL),
        (portrait(0.12), quality.TOO_DARK),
        (portrait(1.6), quality.TOO_BRIGHT),
        (portrait(3.0), quality.TOO_BRIGHT),
        (portrait(blur=5), quality.BLURRED),
        (portrait(moved=27), quality.BLURRED),
    ],
)
def test_what_is_no_use_is_told_and_not_kept(served: Served, picture: np.ndarray, why: str) -> None:
    served.post("/api/classes/add", name="calm")
    answer = served.shoot("calm", picture, photo="1")
    assert (answer["kept"], answer["why"]) == (False, why)
    assert answer["box"] or why in (quality.NO_FACE, quality.TOO_DARK, quality.TOO_BRIGHT)
    assert served.files() == []


@pytest.mark.parametrize("picture", [portrait(), portrait(0.4), portrait(blur=2), one_behind()])
def test_what_is_good_enough_is_kept(served: Served, picture: np.ndarray) -> None:
    served.post("/api/classes/add", name="calm")
    answer = served.shoot("calm", picture)
    assert answer["kept"], answer
    x, y, width, height = answer["box"]
    assert 48 <= width <= 320
    assert 0 <= x < 640
    assert 0 <= y < 480
    assert height == width
    assert served.files() == ["faces/calm/20261127-101502~0001.png"]


def test_the_same_picture_is_kept_once_in_ten_and_again_in_another_class(served: Served) -> None:
    for name in ("calm", "glad"):
        served.post("/api/classes/add", name=name)
    assert served.shoot("calm", portrait(), photo="1")["kept"]
    assert served.shoot("calm", portrait(), photo="1")["why"] == quality.SAME
    assert served.shoot("glad", portrait(), photo="1")["kept"]
    for size in range(150, 200, 5):
        assert served.shoot("calm", draw_scene("happy", size=size, seed=size), photo="1")["kept"]
    assert served.shoot("calm", portrait(), photo="1")["kept"]  # it is the eleventh before


def test_a_deleted_picture_is_not_compared_with(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    file = served.shoot("calm", portrait(), photo="1")["file"]
    served.post("/api/pictures/delete", **{"class": "calm", "file": file})
    assert served.shoot("calm", portrait(), photo="1")["kept"]


def test_a_crop_is_what_the_runner_crops(served: Served) -> None:
    from fer_core.values import Frame
    from fer_edge.faces.haar import HaarDetector

    served.post("/api/classes/add", name="calm")
    frame = Frame(PORTRAIT, 0, 0.0)
    wanted = served.studio.collection.spec.pixels(frame, HaarDetector().detect(frame)[0])
    body = cv2.imencode(".png", PORTRAIT)[1].tobytes()
    file = served.shoot("calm", body, photo="1", recording="me (12).png")["file"]
    assert file == "me~0001.png"
    stored = cv2.imread(str(served.folder / "faces" / "calm" / file), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(stored, wanted[:, :, 0])
    _, sent = served.ask("GET", "/api/picture", **{"class": "calm", "file": file})
    assert sent == (served.folder / "faces" / "calm" / file).read_bytes()
