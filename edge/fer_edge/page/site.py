"""What the page serves, and to whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fer_edge.page.access import Access
from fer_edge.page.view import LiveView

MOST_VIEWERS = 24


@dataclass(frozen=True, slots=True)
class Site:
    """What is served to whom.

    Attributes:
        stored: What the run writes.
        counters: Further metrics by name.
        guessers: The addresses that have just given a wrong token.
    """

    view: LiveView
    access: Access
    labels: tuple[str, ...]
    video: bool = True
    stored: tuple[str, ...] = ()
    counters: Callable[[], Mapping[str, int]] = dict
    guessers: set[str] = field(default_factory=set)
    viewing: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_VIEWERS)
    )
