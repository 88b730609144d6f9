"""From the words of the command line and the settings file to what one run does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from fer_core.errors import ArgumentError
from fer_core.pictures import VIDEO_SUFFIXES
from fer_core.settings import load_settings
from fer_edge.config import EdgeConfig, with_secrets
from fer_edge.outputs.recording import check_saved_name
from fer_edge.sources.camera import check_camera
from fer_edge.wishes import Wishes

_SOURCES: dict[str, str | bool] = {"camera": "", "video": "", "demo": False}
"""What to watch, and what each is where it is not given."""
_FILES = ("video", "faces", "model")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The settings of a run, what it watches and writes, and the address of its page, if any."""

    settings: EdgeConfig
    wishes: Wishes
    page: str = ""


def read_options(given: Mapping[str, Any]) -> RunOptions:
    """Return what a run does, by the options given (None for those that were not) and their file.

    A source on the command line takes the place of the file's. Raises ArgumentError and FerError
    for what a run would refuse before it opens anything.
    """
    file = Path(given["config"]) if given.get("config") else None
    settings: dict[str, Any] = {each.name: given.get(each.name) for each in fields(EdgeConfig)}
    pictures = [Path(name) for name in given.get("pictures") or ()]
    if len(pictures) == 1 and pictures[0].suffix.lower() in VIDEO_SUFFIXES and not given["video"]:
        settings["video"], pictures = str(pictures[0]), []
    if pictures or any(settings[name] for name in _SOURCES):
        settings |= {name: settings[name] or none for name, none in _SOURCES.items()}
    config = with_secrets(load_settings(EdgeConfig, file, settings), file)
    if file:
        config = _with_files_beside(config, file.parent, settings)
    if pictures:
        config = replace(config, camera=settings["camera"])  # none of the environment
    wishes = Wishes.of(config, tuple(pictures), bool(given.get("quiet")))
    return RunOptions(config, wishes, _checked(config, wishes))


def _with_files_beside(config: EdgeConfig, folder: Path, given: Mapping[str, object]) -> EdgeConfig:
    """Return the settings with the files that a settings file names as they lie beside it."""
    beside = {
        name: str(folder / value)
        for name in _FILES
        if not given[name] and (value := getattr(config, name)) and (folder / value).exists()
    }
    return replace(config, **beside)  # type: ignore[arg-type]  # all are text


def _checked(config: EdgeConfig, wishes: Wishes) -> str:
    """Return the address of the page, empty for none; raise for what cannot be done."""
    if wishes.camera is not None:
        check_camera(wishes.camera)
    if wishes.save:
        check_saved_name(wishes.save)
    if config.serve and wishes.pictures:
        raise ArgumentError("--serve goes with a camera or a video, not with pictures")
    if wishes.pictures or not (config.serve or config.mqtt):
        return ""  # a server costs megabytes, which a picture does not need
    from fer_edge.shelf import check_shelf

    return check_shelf(config)
