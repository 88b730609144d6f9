"""A run as one of a fleet: what it tells of itself, and the bundles that it takes over MQTT."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fer_core.errors import FerError
from fer_edge.deployment.signing.keys import require_cryptography
from fer_edge.outputs.mqtt.report import TAKES_NONE, BundleReport, DeviceReport, TrialReport
from fer_edge.session.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from fer_edge.deployment.folder import ModelFolder
    from fer_edge.deployment.published import PublishedBundles

NO_FOLDER = "it takes no models: start it with --models FOLDER"
NO_KEY = (
    "it has no key to check bundles with: put the line that fer-edge fleet key FILE prints, "
    'fleet_key = "...", into its settings file'
)


def why_none_is_taken(run: Run) -> str:
    """Return what a run lacks to take bundles that are published, "" for nothing."""
    if run.model.folder is None:
        return NO_FOLDER
    if not run.options.settings.fleet_key:
        return NO_KEY
    try:
        require_cryptography()
    except FerError as error:
        return str(error)
    return ""


def published_bundles(run: Run, device: str) -> PublishedBundles | None:
    """Return what takes bundles that are published for a device, None where nothing may.

    Args:
        run: The run.
        device: What the device is called.
    """
    config, folder = run.options.settings, run.model.folder
    if folder is None or why_none_is_taken(run):
        return None
    from fer_edge.deployment.intake import ModelIntake
    from fer_edge.deployment.published import PublishedBundles
    from fer_edge.deployment.published_record import PublishedRecord

    record = PublishedRecord(folder.path)
    return PublishedBundles(device, config.fleet_key, ModelIntake(folder), record)


def device_report(run: Run, device: str, bundles: PublishedBundles | None) -> DeviceReport:
    """Return what tells of a run.

    Args:
        run: The run.
        device: What the device is called.
        bundles: What takes bundles, None where nothing does.
    """

    def counts() -> dict[str, int]:
        return {name: sum(each.values()) for name, each in run.counts().items()}

    trial = _trial(run.model.folder, bundles, why_none_is_taken(run))
    return DeviceReport(device, run.model.facts, trial, counts, run.slowed)


def _trial(
    folder: ModelFolder | None, bundles: PublishedBundles | None, why_none: str
) -> Callable[[], TrialReport]:
    """Return what tells what became of the newest model; it reads the state when that changes."""
    known = TrialReport(bundle=BundleReport(0, TAKES_NONE, why_none))
    if folder is None:
        return lambda: known
    signature: tuple[int, ...] | None = None

    def told() -> TrialReport:
        nonlocal known, signature
        if (newest := folder.signature()) != signature:
            signature = newest
            try:
                state = folder.state()
                known = replace(known, trial=state.state, why=state.why)
            except FerError as error:
                known = replace(known, why=str(error))
        return replace(known, bundle=bundles.report()) if bundles else known

    return told
