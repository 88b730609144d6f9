import io
import os
import sys

import pytest

from fer_core.text import (
    counted,
    distinct_bytes,
    forgive_names_on_paper,
    in_ascii,
    in_markdown,
    on_paper,
    to_bytes,
    typed,
)


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
    for half in "\ud83d\udc7f\udd00\udd11\udfff":  # of a pair: in a name of Windows, or in JSON
        assert on_paper(f"x{half}") == "x?"
        assert to_bytes(f"x{half}\udce4") == b"x?\xe4"


def test_each_name_has_bytes_of_its_own() -> None:
    names = ["a", "a?", "a\ud83d", "a\ud83e", "a\udce4", "a\xe4", "a\N{GRINNING FACE}"]
    assert len({distinct_bytes(name) for name in names}) == len(names)
    assert distinct_bytes("a\udce4") == b"a\xe4"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 faces"), (1, "1 face"), (2, "2 faces"), (1200, "1,200 faces")]
)
def test_a_number_stands_with_its_noun(number: int, said: str) -> None:
    assert counted(number, "face") == said


def test_a_name_stands_in_markdown_as_it_is() -> None:
    assert in_markdown(r"a|b_c*d\e`") == r"a\|b\_c\*d\\e\`"
    assert in_markdown("[x](y) <z> #1 {2}!") == r"\[x\](y) \<z\> \#1 \{2\}\!"
    assert in_markdown("fer-nano int8") == "fer-nano int8"


def test_what_a_terminal_cannot_show_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    written = [io.BytesIO(), io.BytesIO()]
    for name, raw in zip(("stdout", "stderr"), written, strict=True):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding="ascii", errors="strict"))
    forgive_names_on_paper()
    for stream in (sys.stdout, sys.stderr):
        stream.write("glücklich")
        stream.flush()
    assert [raw.getvalue() for raw in written] == [b"gl?cklich"] * 2
    monkeypatch.setattr(sys, "stdout", None)  # a service may have none
    forgive_names_on_paper()


@pytest.mark.parametrize(
    ("system", "path", "shown"),
    [
        ("linux", "my faces/a.tflite", "fer-edge --model 'my faces/a.tflite'"),
        ("linux", "faces/a.tflite", "fer-edge --model faces/a.tflite"),
        ("win32", "my faces\\a.tflite", 'fer-edge --model "my faces\\a.tflite"'),
        ("win32", "faces\\a.tflite", "fer-edge --model faces\\a.tflite"),
    ],
)
def test_a_command_is_shown_as_its_shell_takes_it(
    system: str, path: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert typed("fer-edge", "--model", path) == shown
