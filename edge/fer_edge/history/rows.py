"""What a history holds: the seconds of each expression by minute, and events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from fer_core.text import on_paper


class Bucket(NamedTuple):
    """What seconds are counted by.

    Attributes:
        start: When the minute begins, in seconds since 1970; a multiple of 60.
        person: Who it was; empty for nobody known.
    """

    start: int
    camera: str
    person: str
    label: str


class EventRow(NamedTuple):
    """An event as `--events` writes it.

    Attributes:
        at: In seconds since 1970.
        kind: started, changed or ended.
        track: Which face of the run it is.
    """

    at: float
    camera: str
    person: str
    kind: str
    label: str
    confidence: float
    track: int


@dataclass(slots=True)
class Batch:
    """Rows that are written together: seconds to add to each bucket, and new events."""

    seconds: dict[Bucket, float] = field(default_factory=dict)
    events: list[EventRow] = field(default_factory=list)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.seconds) + len(self.events)


def plain(name: str) -> str:
    """Return a name as databases take it: valid Unicode without a zero."""
    return on_paper(name).replace("\0", "?")
