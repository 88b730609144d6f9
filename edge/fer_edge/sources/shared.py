"""What the cameras of one run have in common."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shared:
    """What the cameras of one run share, and how they are told apart.

    Attributes:
        camera: What the run calls this one; empty where it has no name.
        began_at: Where the clock of the frames begins, on the camera's clock; None for its opening.
        arrived: Is notified of each frame that comes.
    """

    camera: str = ""
    began_at: float | None = None
    arrived: threading.Condition = field(default_factory=threading.Condition)
