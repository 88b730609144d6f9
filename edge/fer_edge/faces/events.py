"""What happened, told once: a face came with an expression, the expression changed, it left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

KINDS = ("started", "changed", "ended")
NONE = "none"
"""The label of a face that has left."""


@dataclass(frozen=True, slots=True)
class ExpressionEvent:
    """A change worth telling.

    Attributes:
        kind: One of KINDS.
        label: What the face looks like from now on, NONE when it has left.
        confidence: That of the label, 0 to 1; 0 for NONE.
        at: In seconds of the source's clock.
        person: Who it is, empty for nobody known.
        camera: Which camera sees it, empty where the run has one without a name.

    Raises:
        ValueError: The kind is none of KINDS.
    """

    kind: str
    track_id: int
    label: str
    confidence: float
    at: float
    person: str = ""
    camera: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")

    def to_json(self, stamp: Mapping[str, str] = MappingProxyType({})) -> str:
        """Return the event as one JSON line, without the line's end; `stamp` comes first."""
        values = {**stamp, **asdict(self)}
        values["confidence"], values["at"] = round(self.confidence, 4), round(self.at, 3)
        for name in ("person", "camera"):
            if not values[name]:
                del values[name]
        return json.dumps(values)
