"""Part of a file, as browsers ask for it when a video is played or wound (RFC 9110, 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BYTES = re.compile(r"(?a)bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes of a file from `first` on, `length` of them, of `whole` in all.

    Attributes:
        is_asked: Whether a range was asked for; without one all is sent. A browser that asks for
            a range which is all of a file wants to be told that its range comes.
    """

    first: int
    length: int
    whole: int
    is_asked: bool = True

    @property
    def content_range(self) -> str:
        """The header that says which part it is."""
        return f"bytes {self.first}-{self.first + self.length - 1}/{self.whole}"


def part_of(asked: str, whole: int) -> Part | None:
    """Return which part of a file is asked for, all of it where none or several are.

    Args:
        asked: The header Range, such as "bytes=100-199", "bytes=100-" or "bytes=-100".
        whole: How many bytes the file has.

    Returns:
        None where the file has no such part.
    """
    all_of_it = Part(0, whole, whole, is_asked=False)
    match = _BYTES.fullmatch(asked.strip())
    if not match or match[1] == match[2] == "":
        return all_of_it
    if match[1] == "":
        length = min(int(match[2]), whole)
        return Part(whole - length, length, whole) if length else None
    first, last = int(match[1]), int(match[2] or whole - 1)
    if match[2] and last < first:
        return all_of_it  # no valid range: as if none was asked for
    return Part(first, min(last, whole - 1) - first + 1, whole) if first < whole else None
