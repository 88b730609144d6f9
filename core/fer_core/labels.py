"""Label sets: the order of the classes is part of the data, never of the runner."""

from __future__ import annotations

from collections.abc import Iterable

from fer_core.errors import FerError
from fer_core.text import is_plain_name, name_key

FER2013_LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes of FER2013 in their official order (Goodfellow et al., 2013)."""

FER2013_COUNTS = (
    (3995, 436, 4097, 7215, 4830, 3171, 4965),
    (467, 56, 496, 895, 653, 415, 607),
    (491, 55, 528, 879, 594, 416, 626),
)
"""FER2013's published pictures a class, for Training, PublicTest and PrivateTest."""


_OTHER_WORDS = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
"""What FER+ and many other collections call three classes of FER2013."""


def class_keys(names: Iterable[str]) -> list[str]:
    """Return for each name of a class what other names of this class share with it.

    Neither capitals nor the form of accents count. happiness is happy, sadness sad and anger angry,
    unless the names tell them apart.

    >>> class_keys(["Happiness", "neutral"])
    ['happy', 'neutral']
    """
    keys = [name_key(name) for name in names]
    known = [_OTHER_WORDS.get(key, key) for key in keys]
    return known if len(set(known)) == len(known) else keys


def require_plain_labels(names: Iterable[str], where: str) -> None:
    """Make sure that names of classes are of one line and hold no control characters.

    Args:
        names: The names.
        where: Where they come from, for the message.

    Raises:
        FerError: One does not.
    """
    for name in names:
        if not is_plain_name(name):
            raise FerError(f"{where}: {name!r} is no name of a class: rename it")


def ordered_labels(names: set[str]) -> tuple[str, ...]:
    """Return class names in FER2013's order when they are FER2013's, else sorted.

    >>> ordered_labels({"b", "a"})
    ('a', 'b')
    """
    if names == set(FER2013_LABELS):
        return FER2013_LABELS
    return tuple(sorted(names))
