"""Who has learned from which pictures: the runs, and the training that goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fer_train.studio.jobs import Job


def uses_json(
    digests: Iterable[str], job: Job | None, learned: Mapping[str, frozenset[str]]
) -> dict[str, Any]:
    """Return what uses some pictures, as JSON values.

    Args:
        digests: The SHA-256 of the pictures.
        job: What is being trained, if anything.
        learned: The SHA-256 of what each run has learned from.

    Returns:
        `training`, whether the job learns from one of them, and the names of the `runs` that did.
    """
    wanted = frozenset(digests)
    runs = [name for name, its in learned.items() if wanted & its]
    return {"training": bool(job and job.uses(wanted)), "runs": runs}
