import unicodedata

import pytest

from fer_core.errors import FerError
from fer_core.folder_names import folder_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("happy", "happy"),
        ("  very happy\t", "very happy"),
        ("schön", "schön"),
        (unicodedata.normalize("NFD", "schön"), "schön"),
        ("a" * 40, "a" * 40),
        ("console", "console"),
        ("com10", "com10"),
        ("v1.2", "v1.2"),
        ("\N{FAMILY}\u200d", "\N{FAMILY}\u200d"),
        ("うれしい", "うれしい"),
    ],
)
def test_a_name_becomes_a_folder(typed: str, name: str) -> None:
    assert folder_name(typed, "class") == name


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "a class needs a name: type one"),
        (" \t", "a class needs a name: type one"),
        ("\u200d\u0301\u20dd\u3164", "nobody could see this name of a class: type letters"),
        ("\u2800", "nobody could see this name of a class"),
        ("a\nb", r"'a\\nb' cannot be the name of a class: type a plain one"),
        ("a\x1bb", r"'a\\x1bb' cannot be the name of a class"),
        ("a" * 41, f"^{'a' * 40}\\.\\.\\.: at most 40 letters"),
        ("a/b", "'a/b' cannot be the name of a folder: leave /"),
        ("a\\b", "cannot be the name of a folder"),
        ("what?", r"'what\?' cannot be the name of a folder"),
        ("happy.", "'happy.' cannot be the name of a folder"),
        (".hidden", "'.hidden' cannot be the name of a folder"),
        ("__MACOSX", "'__MACOSX' cannot be the name of a folder"),
        ("Con", "'Con' is the name of a device on Windows: choose another name"),
        ("lpt9.txt", "'lpt9.txt' is the name of a device"),
        ("\uff23\uff2f\uff2d1", "is the name of a device"),  # full width, which Windows folds
    ],
)
def test_what_no_folder_can_be_called_is_refused_with_its_reason(typed: str, words: str) -> None:
    with pytest.raises(FerError, match=words):
        folder_name(typed, "class")
