"""The kinds of numbers and names that results hold, with their bounds; shares are 0 to 1."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Change = Annotated[float, Meta(ge=-1, le=1)]
Duration = Annotated[float, Meta(gt=0, le=1e9)]
Count = Annotated[int, Meta(ge=0, le=10**15)]
Figure = Annotated[float, Meta(ge=-1e15, le=1e15)]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]
