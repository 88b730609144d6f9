import numpy as np
import pytest

from fer_core.opencv import cv2
from fer_core.text import in_ascii
from fer_edge.outputs import lettering
from fer_edge.outputs.lettering import draw_text, text_size


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    lettering._drawn.cache_clear()
    lettering._file_with.cache_clear()


def drawn(text: str, left: int = 10, baseline: int = 40) -> np.ndarray:
    canvas = np.zeros((60, 300, 3), np.uint8)
    draw_text(canvas, text, left, baseline, 0.8, (255, 255, 255))
    return canvas


def test_ascii_is_drawn_by_opencv() -> None:
    expected = np.zeros((60, 300, 3), np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(expected, "happy", (10, 40), font, 0.8, (255,) * 3, 1, cv2.LINE_AA)
    assert np.array_equal(drawn("happy"), expected)


@pytest.mark.parametrize("text", ["glücklich", "счастье", "χαρά"])
def test_other_letters_are_drawn_as_they_are_written(text: str) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("matplotlib")  # which brings DejaVu Sans
    canvas = drawn(text)
    assert not np.array_equal(canvas, drawn(in_ascii(text)))
    rows, columns = np.nonzero(canvas[..., 0] > 128)
    width, height = text_size(text, 0.8)
    assert rows.max() >= 38
    assert 40 - height - 8 <= rows.min() <= 40 - height // 2  # small letters, capitals, umlauts
    assert columns.min() >= 10
    assert columns.max() <= 10 + width


def test_a_script_without_a_font_is_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_font_files", lambda: ())
    assert np.array_equal(drawn("glücklich"), drawn("gluecklich"))
    assert text_size("glücklich", 0.8) == text_size("gluecklich", 0.8)


def test_without_pillow_letters_are_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "find_spec", lambda name: None)
    assert np.array_equal(drawn("glücklich"), drawn("gluecklich"))


@pytest.mark.parametrize("text", ["gl\nück", "ü\u2029", "ü\udcff"])
def test_what_pillow_does_not_lay_out_is_spelled(text: str) -> None:
    assert drawn(text).any()


def test_as_many_fonts_stay_open_as_sizes_are_drawn() -> None:
    pytest.importorskip("PIL")
    lettering._font.cache_clear()
    for face in range(300):
        drawn(f"{face}: glücklich {face % 101}%")
    assert lettering._font.cache_info().currsize <= 4


@pytest.mark.parametrize(("left", "baseline"), [(-30, 5), (290, 80), (400, 40), (10, -50)])
def test_text_is_cut_off_at_the_edge(left: int, baseline: int) -> None:
    pytest.importorskip("PIL")
    canvas = drawn("glücklich", left, baseline)
    whole = np.zeros((400, 900, 3), np.uint8)
    draw_text(whole, "glücklich", left + 200, baseline + 200, 0.8, (255, 255, 255))
    assert np.array_equal(canvas, whole[200:260, 200:500])
