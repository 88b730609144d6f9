"""What folders of pictures stand for: classes or people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What the folders stand for.

    Attributes:
        one: What one of them is called, as "class".
        several: What more of them are called, as "classes".
        most: How many there may be.
        most_pictures: How many pictures each may have.
        name: Returns a name as it is stored, or says what is wrong with it.
    """

    one: str
    several: str
    most: int
    most_pictures: int
    name: Callable[[str], str]
