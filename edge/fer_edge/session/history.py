"""Where the settings say that a run keeps its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fer_core.errors import ArgumentError
from fer_edge.session.addresses import device_name
from fer_edge.session.config import EdgeConfig

if TYPE_CHECKING:
    from fer_edge.history.place import Place
    from fer_edge.history.writer import HistoryWriter


def history_place(config: EdgeConfig) -> Place | None:
    """Return where the history lies, None where none is kept.

    Raises:
        ArgumentError: The settings are wrong.
    """
    if not config.history:
        return None
    from fer_edge.history.place import Place

    if not config.camera:
        raise ArgumentError("--history goes with a camera: fer-edge --camera 0 --history FILE")
    if config.history == "-":
        raise ArgumentError("--history takes a file, not stdout; --events - prints changes")
    place = Place(config.history)
    place.store()  # checks its address
    return place


def history_writer(config: EdgeConfig) -> HistoryWriter | None:
    """Return what writes the history, None where none is kept.

    Raises:
        FerError: It cannot be kept there.
    """
    place = history_place(config)
    if not place:
        return None
    from fer_edge.history.writer import HistoryWriter

    store = place.store(device_name(config))
    store.require_usable()
    return HistoryWriter(store, config.history_days)
