"""What plays a Ray cluster in tests of those that give it tasks."""

from __future__ import annotations

from typing import Any


class StandInCluster:
    """Holds tasks until they are waited for; who inherits says what comes of them."""

    def __init__(self) -> None:
        self.flying: list[tuple[Any, Any]] = []
        self.closed = False

    def __call__(self, *words: object) -> StandInCluster:
        return self

    def shared(self, value: Any) -> Any:
        return value

    @property
    def in_flight(self) -> int:
        return len(self.flying)

    def close(self) -> None:
        self.closed = True
