"""What the page answers about models: which runs, and what became of one that is sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fer_core.errors import BusyError, FerError
from fer_edge.deployment.first_minute import TRIAL_SECONDS
from fer_edge.deployment.folder import ModelFolder
from fer_edge.deployment.intake import ModelIntake
from fer_edge.deployment.state import KEPT, ON_TRIAL
from fer_edge.inference.models import ModelFacts

TAKES_NONE = "this device takes no models: start it with --models FOLDER"
Answer = tuple[dict[str, Any], HTTPStatus]


def told_models(running: ModelFacts, folder: ModelFolder | None) -> Answer:
    """Return which model classifies, what became of the newest one, and which was before.

    Args:
        running: What classifies now.
        folder: Where other models come from, None where none may come.
    """
    told: dict[str, Any] = {"running": _facts_json(running), "state": KEPT, "why": ""}
    if folder is None:
        return {**told, "before": None}, HTTPStatus.OK
    try:
        state = folder.state()
    except FerError as error:
        return error.to_json(), HTTPStatus.INTERNAL_SERVER_ERROR
    told |= {"state": state.state, "why": state.why}
    return {**told, "before": state.before and _facts_json(state.before.facts)}, HTTPStatus.OK


def taken_model(folder: ModelFolder | None, content: bytes) -> Answer:
    """Check a bundle that was sent and put it on trial; return what is answered.

    Args:
        folder: Where it goes, None where none may come.
        content: What was sent.
    """
    if folder is None:
        return {"error": TAKES_NONE}, HTTPStatus.FORBIDDEN
    try:
        held = ModelIntake(folder).receive(content)
    except BusyError as error:
        return error.to_json(), HTTPStatus.CONFLICT
    except FerError as error:
        return error.to_json(), HTTPStatus.BAD_REQUEST
    told = {"model": held.facts.name, "sha256": held.facts.sha256, "state": ON_TRIAL}
    return {**told, "seconds": TRIAL_SECONDS}, HTTPStatus.OK


def _facts_json(facts: ModelFacts) -> dict[str, Any]:
    return {"name": facts.name, "sha256": facts.sha256, "labels": facts.labels}
