"""What the page of a run serves, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fer_edge.page.door import Door
from fer_edge.page.view import LiveView


@dataclass(frozen=True, slots=True)
class Site:
    """What is served to whom.

    Attributes:
        stored: What the run writes.
        counters: Further metrics by name.
    """

    view: LiveView
    door: Door
    labels: tuple[str, ...]
    video: bool = True
    stored: tuple[str, ...] = ()
    counters: Callable[[], Mapping[str, int]] = dict
