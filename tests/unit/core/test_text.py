import os

import pytest

from fer_core.text import counted, in_ascii, on_paper, to_bytes


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("happy 97%", "happy 97%"),
        ("glücklich", "gluecklich"),
        ("Überrascht, größer", "Ueberrascht, groesser"),
        ("déçu", "decu"),
        ("zły", "zly"),
        ("Радость", "Radost"),
        ("объект", "obekt"),
        ("χαρά", "chara"),
        ("うれしい", "uresii"),
        ("기쁨", "gibbeum"),
        ("高兴", "u9ad8u5174"),
        ("b\udce4", "budce4"),
        ("it\N{RIGHT SINGLE QUOTATION MARK}s\N{HORIZONTAL ELLIPSIS}", "it's..."),
    ],
)
def test_what_opencv_cannot_draw_is_spelled(text: str, spelled: str) -> None:
    assert in_ascii(text) == spelled


def test_bytes_that_are_no_utf8_survive_and_are_replaced_on_paper() -> None:
    name = os.fsdecode(b"gl\xfccklich.jpg")
    assert to_bytes(name) == b"gl\xfccklich.jpg"
    assert on_paper(name) == "gl\N{REPLACEMENT CHARACTER}cklich.jpg"
    assert on_paper("glücklich") == "glücklich"
    assert on_paper("\ud83d") == "?"  # half of a pair, in a name of Windows


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 faces"), (1, "1 face"), (2, "2 faces"), (1200, "1,200 faces")]
)
def test_a_number_stands_with_its_noun(number: int, said: str) -> None:
    assert counted(number, "face") == said
