"""Which model a device runs, what ran before it, and what was taken back: one small JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from fer_core.errors import FerError
from fer_core.typed_json import read_json
from fer_edge.inference.models import ModelFacts

KEPT, ON_TRIAL, TAKEN_BACK = "kept", "on trial", "taken back"
MOST_EARLIER = MOST_TAKEN_BACK = MOST_RECEIVED = 10
"""How many models are remembered to go back to, how many that failed, and how many files that were
sent are kept beside those to go back to."""

UNKNOWN = ModelFacts("the model of --model", "", ())


@dataclass(frozen=True, slots=True)
class Held:
    """A model that a device can run.

    Attributes:
        place: A .tflite file of the folder, the name of a shipped model, or "" for what the run
            has without the folder: its setting `model`.
        facts: Which bundle it is; of the run's own model no run may have told it yet.
    """

    place: str = ""
    facts: ModelFacts = UNKNOWN

    def is_same(self, other: Held) -> bool:
        """Return whether it is the same place, of the same content as far as that is known."""
        one, two = self.facts, other.facts
        known = one.sha256 and two.sha256
        alike = (one.sha256, one.labels) == (two.sha256, two.labels)
        return self.place == other.place and (alike or not known)


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that was taken back: why, and when (RFC 3339)."""

    facts: ModelFacts
    why: str
    time: str


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """What is in use, and how it came to that. Each method returns the state after a change.

    Attributes:
        earlier: The models to go back to, the newest last.
        state: KEPT, ON_TRIAL or TAKEN_BACK: what became of the newest model.
        why: The reason of a TAKEN_BACK.
        tried_by: The process that has the trial, 0 for none.
        failures: The models that were taken back, the newest last.
        received: The files of the folder that were sent, the newest last.
    """

    running: Held = Held()
    earlier: tuple[Held, ...] = ()
    state: str = KEPT
    why: str = ""
    tried_by: int = 0
    failures: tuple[Failure, ...] = ()
    received: tuple[str, ...] = ()

    @property
    def before(self) -> Held | None:
        """The model to go back to."""
        return self.earlier[-1] if self.earlier else None

    def using(self, held: Held, received: bool = False) -> DeploymentState:
        """Put a model on trial; forget the oldest files received that nothing goes back to.

        Args:
            held: The model.
            received: Whether its file was sent, and may be removed one day.
        """
        earlier = self.earlier if self.state == ON_TRIAL else (*self.earlier, self.running)
        earlier = earlier[-MOST_EARLIER:]
        files = [each for each in self.received if each != held.place or not received]
        files += [held.place] if received else []
        needed = {each.place for each in (held, *earlier)}
        for place in [each for each in files if each not in needed][:-MOST_RECEIVED]:
            files.remove(place)
        return DeploymentState(
            held, earlier, ON_TRIAL, failures=self.failures, received=tuple(files)
        )

    def found(self, wanted: Held, there: Held) -> DeploymentState:
        """Note what lies in the place of a model: its content may have changed."""
        return replace(self, running=there) if self.running.is_same(wanted) else self

    def tried(self, process: int) -> DeploymentState:
        """Note the process that has the trial: if it dies of it, it cannot say so; 0: none."""
        return replace(self, tried_by=process) if self.state == ON_TRIAL else self

    def kept(self) -> DeploymentState:
        """End the trial well."""
        return replace(self, state=KEPT, why="", tried_by=0)

    def back(self) -> DeploymentState:
        """Go back by hand.

        Raises:
            FerError: There is nothing to go back to.
        """
        if self.before is None:
            raise FerError(
                f"there is nothing to go back to: {self.running.facts.name} is the first model here"
            )
        return replace(self.kept(), running=self.before, earlier=self.earlier[:-1])

    def taken_back(self, failed: Held, why: str, time: str) -> DeploymentState:
        """Go back by itself, to the run's own model where there is no earlier one.

        Args:
            failed: What does not do; the state stays if it is no longer in use.
            why: The reason.
            time: Now, as RFC 3339.
        """
        if not self.running.is_same(failed):
            return self
        failure = Failure(failed.facts, why, time)
        after = self.back() if self.earlier else replace(self.kept(), running=Held())
        failures = (*self.failures, failure)[-MOST_TAKEN_BACK:]
        return replace(after, state=TAKEN_BACK, why=why, failures=failures)

    def to_json(self) -> str:
        """Return the state as indented JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, what: str) -> DeploymentState:
        """Return the state in JSON text, which messages call `what`.

        Raises:
            FerError: It is none.
        """
        return read_json(text, cls, what)
