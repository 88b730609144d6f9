"""What classes, people, recordings and runs may be called: each names a file or a folder."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from fer_core.dataset import SPLIT_NAMES
from fer_core.errors import FerError
from fer_core.pictures import is_junk
from fer_core.text import is_plain_name
from fer_train.photo_series import without_number

MOST_LETTERS = 40
_NO_FILE_NAME = re.compile(r'[/\\:*?"<>|]')
"""What stands in no file name on Windows, or leads to another folder."""
_TAKEN = {"images", *SPLIT_NAMES}
"""Folders that a reader of class folders takes for something else."""


def class_name(text: str) -> str:
    """Return the name of a class as it is stored.

    Raises:
        FerError: No class may be called so.
    """
    name = folder_name(text, "class")
    if name.casefold() in _TAKEN:
        raise FerError(f"{name!r} means a part of a data set to fer-train: choose another name")
    return name


def person_name(text: str) -> str:
    """Return the name of a person as it is stored.

    Raises:
        FerError: Nobody may be called so.
    """
    return folder_name(text, "person")


def folder_name(text: str, whose: str) -> str:
    """Return a name that a folder may have: composed (NFC), without spaces around it.

    Args:
        text: The name.
        whose: What is called so, as "class".

    Raises:
        FerError: No folder may be called so.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise FerError(f"a {whose} needs a name: type one")
    if not is_plain_name(name):
        raise FerError(f"{name!r} cannot be the name of a {whose}: type a plain one")
    if len(name) > MOST_LETTERS:
        raise FerError(f"{name[:MOST_LETTERS]}...: at most {MOST_LETTERS} letters, please")
    if _NO_FILE_NAME.search(name) or name.endswith(".") or is_junk(Path(name)):
        raise FerError(
            f'{name!r} cannot be the name of a folder: leave / \\ : * ? " < > | out, and dots at '
            "either end"
        )
    return name


def recording_name(text: str, photo: bool = False) -> str:
    """Return the name of a recording: letters, digits and hyphens.

    Args:
        text: A time, or the name of a dropped file.
        photo: Whether it is a file's, whose number is left out: files of one camera go together.
    """
    name = unicodedata.normalize("NFC", text)
    if photo:
        name = without_number(name.rpartition(".")[0] or name)
    name = re.sub(r"[^\w-]+", "-", name).strip("-_")[:MOST_LETTERS]
    return name or "photo"


def run_name(text: str) -> str:
    """Return the name of a run.

    Raises:
        FerError: It is no plain word.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not re.fullmatch(rf"[^\W_][\w-]{{0,{MOST_LETTERS - 1}}}", name):
        raise FerError(
            f"a model's name has letters, digits, - and _, and begins with one of the first two, "
            f"at most {MOST_LETTERS}: got {name[:MOST_LETTERS]!r}"
        )
    return name
