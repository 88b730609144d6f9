"""A policy that adds names to what another one has made of the faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from fer_core.values import Face, Frame, Observation
from fer_edge.faces.events import ExpressionEvent
from fer_edge.faces.following import AtOnce
from fer_edge.faces.policy import Outcome, Policy
from fer_edge.inference.classifier import Classifier

ASK_SECONDS, KNOWN_SECONDS = (0.5, 0.5, 1.0, 2.0, 5.0), 5.0
"""Pauses between asking after a face that is nobody yet (the last repeats), and one of a name."""
FORGET_SECONDS = 30.0
"""How long the name of a face that is out of sight is kept."""


@dataclass(slots=True)
class _Asked:
    """What is known of one track; a name counts once two answers in a row agree on it.

    `at` is when it was last asked after, `seen_at` when it was last in sight. `is_there` says that
    its start was told and its end was not, `told` that its name was.
    """

    at: float = float("-inf")
    seen_at: float = 0.0
    answer: str = ""
    name: str = ""
    times: int = 0
    is_there: bool = False
    told: bool = False


class IdentifyingPolicy:
    """Asks now and then who each face is. A name that comes later is told as a change.

    `who` returns the name of a face, empty for nobody known; it may take long, and takes its time
    on `executor`, one face after the other, where there is one.
    """

    def __init__(
        self,
        policy: Policy,
        who: Callable[[Frame, Face], str],
        executor: Executor | None = None,
    ) -> None:
        self._policy, self._who = policy, who
        self._executor = executor or AtOnce()
        self._asked: dict[int, _Asked] = {}
        self._asking: tuple[int, Future[str]] | None = None

    def update(self, frame: Frame, faces: Sequence[Face], classifier: Classifier) -> Outcome:
        """Return the other policy's observations and events with names, and those names make."""
        observations, events = self._policy.update(frame, faces, classifier)
        named = [self._named(frame, seen) for seen in observations]
        told = [self._with_name(event) for event in events]
        told += [change for seen in named for change in self._news(seen)]
        now = frame.captured_at
        self._asked = {k: v for k, v in self._asked.items() if now - v.seen_at < FORGET_SECONDS}
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
        asked = self._asked.setdefault(seen.track_id, _Asked())
        asked.seen_at = frame.captured_at
        known = asked.name and asked.answer == asked.name
        pause = KNOWN_SECONDS if known else ASK_SECONDS[min(asked.times, len(ASK_SECONDS) - 1)]
        if self._asking is None and frame.captured_at - asked.at >= pause:
            asked.at, asked.times = frame.captured_at, asked.times + 1
            kept = replace(frame, pixels=frame.pixels.copy())  # they are only borrowed
            answer = self._executor.submit(self._who, kept, seen.face)
            self._asking = (seen.track_id, answer)
        self._take_in()
        return replace(seen, person=asked.name)

    def _take_in(self) -> None:
        """Take the answer that was waited for, if it has come."""
        if self._asking is None or not self._asking[1].done():
            return
        track_id, future = self._asking
        self._asking, answer, asked = None, future.result(), self._asked.get(track_id)
        if asked is None:
            return
        if answer == asked.answer and asked.times > 1:
            asked.told = asked.told and asked.name == answer
            asked.name = answer
        if answer != asked.answer:
            asked.times = 1  # look again soon
        asked.answer = answer

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
