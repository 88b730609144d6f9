"""What the page of a run serves, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_edge.deployment.folder import ModelFolder
from fer_edge.identity.live_enrolment import LiveEnrolment
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.clips.folder import ClipFolder
from fer_edge.page.door import Door
from fer_edge.page.view import LiveView

if TYPE_CHECKING:
    from fer_edge.history.place import Place


@dataclass(frozen=True, slots=True)
class Site:
    """What is served to whom.

    Attributes:
        model: Returns which bundle classifies now.
        stored: What the run writes.
        counters: Further metrics by name, and by camera; "" stands for the whole run.
        models: Where models that are sent go, None where none is taken.
        history: Where the history lies that the run keeps, None where it keeps none.
        history_days: How long its minutes are kept.
        enrolment: What names unknown faces, None where they are not kept.
        clips: Where clips of moments lie, None where the run writes none.
    """

    view: LiveView
    door: Door
    model: Callable[[], ModelFacts]
    video: bool = True
    stored: tuple[str, ...] = ()
    counters: Callable[[], Mapping[str, Mapping[str, int]]] = dict
    models: ModelFolder | None = None
    history: Place | None = None
    history_days: int = 0
    enrolment: LiveEnrolment | None = None
    clips: ClipFolder | None = None
