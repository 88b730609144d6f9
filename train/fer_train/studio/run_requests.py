"""What the studio's page asks about training and trained networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fer_core.errors import FerError
from fer_core.settings import load_settings
from fer_core.typed_json import read_json
from fer_train.config import TrainConfig
from fer_train.shipped import FINE_TUNE, shipped_config
from fer_train.studio.answering import Answering
from fer_train.studio.deploy import Device, ask_models, send_bundle
from fer_train.studio.jobs import MOST_EPOCHS
from fer_train.studio.judging import run_json
from fer_train.studio.names import run_name
from fer_train.studio.studio import starts
from fer_train.studio.told import being_trained
from fer_train.studio.trust import UnconfirmedError


class RunRequest(Answering):
    """The part of a request to a studio that is about its runs."""

    def train(self) -> dict[str, Any]:
        """Begin to train a network, or with `again` a run anew: same name, same start.

        Raises:
            FerError: There is too little to train on, or what is asked makes no sense.
            RunningError: Another job runs.
        """
        studio, again = self.studio, self.query("again")
        if again:
            name, init = again, studio.runs.start_of(again)
        else:
            name = run_name(self.query("name") or f"{datetime.now():%Y%m%d-%H%M%S}")
            init = self.query("init") or starts()[0]
        if init not in starts():
            raise FerError(f"there is no network {init!r} to start from; {', '.join(starts())}")
        epochs = _epochs(self.query("epochs"))
        studio.require_ready()
        studio.jobs.start(name, init, epochs, bool(again))
        return {"name": name}

    def stop(self) -> dict[str, Any]:
        """End the job that runs, with `name` only that of this run."""
        name, job = self.query("name"), self.studio.jobs.job
        if not name or (job and job.name == name):
            self.studio.jobs.stop()
        return {}

    def run(self) -> dict[str, Any]:
        """Return how good a run is."""
        return run_json(self.query("name"), self.studio.runs, self.studio.collection)

    def delete_run(self) -> dict[str, Any]:
        """Delete a run.

        Raises:
            FerError: There is none.
            RunningError: It is being made.
        """
        name, job = self.query("name"), self.studio.jobs.job
        if job and job.name == name:
            raise being_trained(name)
        self.studio.runs.delete(name)
        self.studio.comparison.forget()
        return self.changed({})

    def bundle(self) -> None:
        """Send a bundle as a download."""
        try:
            file = self.studio.runs.require_bundle(self.query("name"))
            content = file.read_bytes()
        except (FerError, OSError) as error:
            self.send_text(str(error), HTTPStatus.NOT_FOUND)
            return
        saved = f"attachment; filename*=UTF-8''{quote(file.name)}"
        kind, headers = "application/octet-stream", {"Content-Disposition": saved}
        self.send(content, kind, headers=headers)

    def deploy(self) -> dict[str, Any]:
        """Send a bundle to a device; return what it answered, or which certificate to confirm."""
        runs, name = self.studio.runs, self.query("name")
        return self._ask_device(
            lambda device: send_bundle(device, runs.require_bundle(name).read_bytes())
        )

    def deployed(self) -> dict[str, Any]:
        """Return which model a device runs and how its trial goes, or which certificate to confirm.

        The same trust as for sending: the token goes only to the certificate that was confirmed.
        """
        return self._ask_device(lambda device: asdict(ask_models(device)))

    def _ask_device(self, ask: Callable[[Device], dict[str, Any]]) -> dict[str, Any]:
        device = read_json(self.body(), Device, "the request")
        try:
            return ask(device)
        except UnconfirmedError as error:
            return {"unconfirmed": error.fingerprint}


def _epochs(text: str) -> int:
    """Return how many epochs are asked for, those of the settings of fine-tuning where none."""
    if not text:
        return load_settings(TrainConfig, shipped_config(FINE_TUNE), {}).epochs
    if not (text.isdecimal() and len(text) < 5 and 0 < int(text) <= MOST_EPOCHS):
        raise FerError(f"epochs must lie in 1 to {MOST_EPOCHS}, got {text[:10]!r}")
    return int(text)
