from collections.abc import Sequence
from pathlib import Path

import cv2
import keras
import matplotlib as mpl
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.errors import FerError
from fer_core.values import Face, Frame
from fer_edge.faces.detectors import DETECTORS
from fer_edge.faces.haar import HaarDetector
from fer_train.architectures import ARCHITECTURES, build_model
from fer_train.cli import app
from fer_train.grad_cam import (
    _layer_with_maps,
    explain_picture,
    grad_cam,
    index_of,
    save_explanations,
)

LABELS = ("left", "right")
ROOT = Path(__file__).parents[3]
PORTRAIT = ROOT / "edge" / "fer_edge" / "assets" / "astronaut.jpg"


@pytest.fixture(scope="module")
def sided() -> keras.Model:
    """A network that answers `left` by what is bright on the left, `right` likewise."""
    layers = keras.layers
    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(2, 1, activation="relu", name="maps")(pixels)
    x = layers.Flatten()(layers.AveragePooling2D((48, 24))(x))
    x = layers.Dense(2, name="logits")(x)
    model = keras.Model(pixels, layers.Softmax()(x))
    model.get_layer("maps").set_weights([np.ones((1, 1, 1, 2)), np.ones(2)])
    halves = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)  # (place, channel) to class
    model.get_layer("logits").set_weights([9 * halves, np.zeros(2)])
    return model


def test_the_heat_is_where_the_class_comes_from(sided: keras.Model) -> None:
    picture = np.full((48, 48, 1), -1, np.float32)
    picture[20:28, 4:12] = 0.9
    probabilities, heat, chosen = grad_cam(sided, picture, None, None)
    assert (LABELS[chosen], probabilities.argmax()) == ("left", 0)
    assert heat.shape == (48, 48)
    assert heat[24, 8] == pytest.approx(1)
    assert heat[:, 24:].max() < 0.01


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture_is_explained(name: str) -> None:
    """Gradients of filters, which nobody asks for, ended the process of some."""
    model = build_model(name, (48, 48, 1), 7)
    picture = np.random.default_rng(1).normal(size=(48, 48, 1)).astype(np.float32)
    probabilities, heat, chosen = grad_cam(model, picture, None, 2)
    assert (heat.shape, chosen) == ((48, 48), 2)
    np.testing.assert_allclose(probabilities, model.predict(picture[None], verbose=0)[0], atol=1e-5)


def test_a_vector_in_the_form_of_a_picture_is_no_map() -> None:
    pixels = keras.Input((48, 48, 1))
    maps = keras.layers.Conv2D(3, 5, 5, name="maps")(pixels)
    x = keras.layers.Conv2D(2, 1, name="vector")(keras.layers.AveragePooling2D(9)(maps))
    model = keras.Model(pixels, keras.layers.Softmax()(keras.layers.Flatten()(x)))
    assert _layer_with_maps(model, None).name == "maps"


def test_a_face_is_cropped_and_another_layer_or_label_can_be_asked(
    sided: keras.Model, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), draw_scene("happy", x=300))
    seen = explain_picture(sided, tmp_path / "face.png", HaarDetector(), "maps", 1)
    assert seen.class_index == 1
    assert seen.crop.shape == (48, 48, 1)
    assert seen.crop.mean() > 120  # the face, not the dark scene
    save_explanations(tmp_path / "out.png", [seen, seen], LABELS)
    assert cv2.imread(str(tmp_path / "out.png")).shape[0] > 400


def test_what_cannot_be_explained_is_said(sided: keras.Model, tmp_path: Path) -> None:
    picture = np.zeros((48, 48, 1), np.float32)
    with pytest.raises(FerError, match="no layer 'logits' with maps; there are maps"):
        grad_cam(sided, picture, "logits", None)
    with pytest.raises(FerError, match="is no picture"):
        explain_picture(sided, tmp_path / "absent.png", HaarDetector())
    with pytest.raises(FerError, match="the model knows left, right"):
        index_of("up", LABELS)


class Blind:
    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        return ()


def test_explain_looks_with_the_detector_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(DETECTORS, "blind", lambda request: Blind())
    cv2.imwrite(str(tmp_path / "face.png"), draw_scene("happy", x=300))

    def explain(*options: str) -> str:
        out = ["--out", str(tmp_path / "out.png")]
        app(
            ["explain", "fer-nano", str(tmp_path / "face.png"), *out, *options],
            standalone_mode=False,
        )
        return capsys.readouterr().out

    assert "no face found" not in explain()
    assert "no face found" in explain("--detector", "blind")
    with pytest.raises(FerError, match="no detector 'retina'; there are haar, yunet"):
        explain("--detector", "retina")


@pytest.mark.skipif(mpl.__version_info__ < (3, 10), reason="older ones lay a figure out otherwise")
def test_the_picture_of_the_documentation_is_what_explain_draws_now(tmp_path: Path) -> None:
    words = ["explain", "fer-nano", str(PORTRAIT), "--out", str(tmp_path / "explained.png")]
    app(words, standalone_mode=False)
    now, documented = (
        cv2.imread(str(folder / "explained.png")) for folder in (tmp_path, ROOT / "docs")
    )
    assert now.shape == documented.shape
    assert cv2.absdiff(now, documented).mean() < 1
