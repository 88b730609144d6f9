"""A policy that adds names to what another one has made of the faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fer_core.values import Face, Frame, Observation
from fer_edge.classifier import Classifier
from fer_edge.events import ExpressionEvent
from fer_edge.policy import Outcome, Policy

ASK_SECONDS, KNOWN_SECONDS = 0.5, 5.0
"""How often a face is asked after, as long as it is nobody, and once it has a name."""
FORGET_SECONDS = 30.0
"""How long the name of a face that is out of sight is kept."""


@dataclass(slots=True)
class _Asked:
    """What is known of one track; a name counts once two answers in a row agree on it.

    `is_there` says that its start was told and its end was not, `told` that its name was.
    """

    at: float
    answer: str = ""
    name: str = ""
    is_there: bool = False
    told: bool = False


class IdentifyingPolicy:
    """Asks now and then who each face is. A name that comes later is told as a change.

    `who` returns the name of a face, empty for nobody known; it may take long.
    """

    def __init__(self, policy: Policy, who: Callable[[Frame, Face], str]) -> None:
        self._policy, self._who = policy, who
        self._asked: dict[int, _Asked] = {}

    def update(self, frame: Frame, faces: Sequence[Face], classifier: Classifier) -> Outcome:
        """Return the other policy's observations and events with names, and those names make."""
        observations, events = self._policy.update(frame, faces, classifier)
        named = [self._named(frame, seen) for seen in observations]
        told = [self._with_name(event) for event in events]
        told += [change for seen in named for change in self._news(seen)]
        now = frame.captured_at
        self._asked = {k: v for k, v in self._asked.items() if now - v.at < FORGET_SECONDS}
        return tuple(named), tuple(told)

    def idle(self, now: float) -> tuple[ExpressionEvent, ...]:
        """Return the other policy's events with names."""
        return tuple(map(self._with_name, self._policy.idle(now)))

    def finish(self) -> tuple[ExpressionEvent, ...]:
        """Return the other policy's events with names."""
        return tuple(map(self._with_name, self._policy.finish()))

    def _named(self, frame: Frame, seen: Observation) -> Observation:
        if seen.track_id is None:
            return replace(seen, person=self._who(frame, seen.face))
        asked = self._asked.setdefault(seen.track_id, _Asked(float("-inf")))
        pause = KNOWN_SECONDS if asked.name and asked.answer == asked.name else ASK_SECONDS
        if frame.captured_at - asked.at >= pause:
            answer = self._who(frame, seen.face)
            if answer == asked.answer and asked.at > float("-inf"):
                asked.told = asked.told and asked.name == answer
                asked.name = answer
            asked.at, asked.answer = frame.captured_at, answer
        return replace(seen, person=asked.name)

    def _with_name(self, event: ExpressionEvent) -> ExpressionEvent:
        asked = self._asked.get(event.track_id)
        if asked is None:
            return event
        asked.is_there, asked.told = event.kind != "ended", bool(asked.name)
        return replace(event, person=asked.name)

    def _news(self, seen: Observation) -> list[ExpressionEvent]:
        """Return a change for a face whose start was told without the name it has now."""
        asked = self._asked.get(seen.track_id) if seen.track_id is not None else None
        if asked is None or asked.told or not (asked.is_there and asked.name):
            return []
        asked.told = True
        return [_change(seen)]


def _change(seen: Observation) -> ExpressionEvent:
    track = seen.track_id if seen.track_id is not None else -1
    at = seen.captured_at
    return ExpressionEvent("changed", track, seen.label, seen.confidence, at, seen.person)
