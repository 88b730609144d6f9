"""Who may come in to a page, and how many may look at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from fer_edge.page.access import Access

MOST_VIEWERS = 24


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    Attributes:
        closing: Set when every viewer is to go.
        guessers: The addresses that have just given a wrong token.
        viewing: A place for each stream.
    """

    access: Access
    closing: threading.Event = field(default_factory=threading.Event)
    guessers: set[str] = field(default_factory=set)
    viewing: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_VIEWERS)
    )
