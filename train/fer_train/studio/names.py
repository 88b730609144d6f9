"""What classes, people, recordings and runs may be called: each names a file or a folder."""

from __future__ import annotations

import re
import unicodedata

from fer_core.dataset import SPLIT_NAMES
from fer_core.errors import FerError
from fer_core.folder_names import MOST_LETTERS, folder_name
from fer_core.text import printable_name
from fer_train.photo_series import without_number
from fer_train.studio.told import ToldError

_TAKEN = {"images", *SPLIT_NAMES}
"""Folders that a reader of class folders takes for something else."""


def class_name(text: str) -> str:
    """Return the name of a class as it is stored.

    Raises:
        ToldError: No class may be called so.
    """
    name = _folder_name(text, "class")
    if name.casefold() in _TAKEN:
        words = f"'{name}' means a part of a data set to fer-train: choose another name"
        raise ToldError(words, code="reserved_name", name=name)
    return name


def person_name(text: str) -> str:
    """Return the name of a person as it is stored.

    Raises:
        ToldError: Nobody may be called so.
    """
    return _folder_name(text, "person")


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
        ToldError: It is no plain word.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not re.fullmatch(rf"[^\W_][\w-]{{0,{MOST_LETTERS - 1}}}", name):
        raise ToldError(
            f"a model's name has letters, digits, - and _, and begins with one of the first two, "
            f"at most {MOST_LETTERS}: got '{printable_name(name[:MOST_LETTERS])}'",
            code="bad_model_name",
            most=MOST_LETTERS,
        )
    return _folder_name(name, "model")


def _folder_name(text: str, whose: str) -> str:
    try:
        return folder_name(text, whose)
    except FerError as error:
        raise ToldError(str(error), code="bad_name", most=MOST_LETTERS) from error
