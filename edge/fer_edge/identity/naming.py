"""From a folder of people to a policy that knows them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from fer_core.values import Face, Frame
from fer_edge.faces.detector import HaarDetector
from fer_edge.faces.policy import Policy
from fer_edge.identity.descriptors import DlibDescriptor
from fer_edge.identity.people import enrol
from fer_edge.identity.policy import IdentifyingPolicy


def naming_policy(
    policy: Policy, folder: Path, say: Callable[[str], None], executor: Executor | None = None
) -> Policy:
    """Return a policy that adds the names of the people in a folder; say who was enrolled.

    With an `executor` faces are looked at beside the stream.
    """
    describe = DlibDescriptor()
    enrolment = enrol(folder, HaarDetector(), describe)
    say(enrolment.text())

    def who(frame: Frame, face: Face) -> str:
        return enrolment.people.name_of(describe.describe(frame, face.box))

    return IdentifyingPolicy(policy, who, executor)
