"""From the words of the command line and the settings file to what one run does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from fer_core.errors import ArgumentError
from fer_core.pictures import VIDEO_SUFFIXES
from fer_edge.faces.detectors import require_detector
from fer_edge.session.config import EdgeConfig
from fer_edge.session.history import history_place
from fer_edge.session.secrets import load_with_secrets

_WATCHED: dict[str, str | bool] = {"camera": "", "video": "", "demo": False}
"""The settings that name what to watch, and what each is where it is not given."""
WATCH_ONE = """say what to watch, one of these:
  fer-edge --camera 0          a camera, live
  fer-edge photo.jpg holiday/  pictures, folders, or one video
  fer-edge --demo              a clip made from a portrait
fer-edge doctor checks this computer, fer-edge --help lists all options"""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What one run watches and writes.

    Attributes:
        pictures: What to look at, if the settings name nothing to watch.
        quiet: Whether only results are told.

    Raises:
        ArgumentError: Not exactly one thing to watch is named, outputs would write to one place,
            or a plot to what is no picture.
    """

    settings: EdgeConfig
    pictures: tuple[Path, ...] = ()
    quiet: bool = False

    def __post_init__(self) -> None:
        config = self.settings
        named = [name for name in _WATCHED if getattr(config, name)]
        named += ["pictures"] * bool(self.pictures)
        if len(named) > 1:
            raise ArgumentError(f"give one thing to watch, not {' and '.join(named)}")
        if not named:
            raise ArgumentError(WATCH_ONE)
        if config.plot:
            _check_plot_name(Path(config.plot))
        places = [getattr(config, name) for name in config.outputs()]
        written = [Path(place).resolve() for place in places if place]
        if len(set(written)) < len(written):
            raise ArgumentError("two outputs write to the same place: give each a different one")

    @property
    def watched(self) -> str:
        """What names the source: a setting, or `pictures`."""
        return next((name for name in _WATCHED if getattr(self.settings, name)), "pictures")

    @property
    def writes_to_console(self) -> bool:
        """Whether stdout gets lines for a person to read."""
        config = self.settings
        elsewhere = any(getattr(config, name) for name in config.outputs())
        wanted = not self.quiet or (bool(self.pictures) and not elsewhere)  # they are the result
        return wanted and "-" not in (config.json, config.events)

    def spare_what_is_watched(self) -> None:
        """Check that no output replaces an input.

        Raises:
            ArgumentError: One would.
        """
        config = self.settings
        watched = [*self.pictures, *([Path(config.video)] if config.video else [])]
        inputs = {path.resolve() for path in watched}
        for output in (getattr(config, name) for name in config.outputs()):
            if output and Path(output).resolve() in inputs:
                raise ArgumentError(f"writing {output} would replace what is watched")

    def stored(self, as_service: bool = False) -> tuple[str, ...]:
        """Return what is written and where, in words.

        Args:
            as_service: Whether stdout goes to the journal.
        """
        config = self.settings
        told = not self.quiet or "-" in (config.json, config.events)
        journal = ("every change in this computer's journal",) if as_service and told else ()
        places = {what: getattr(config, name) for name, what in config.outputs().items()}
        if history := history_place(config):
            places[config.outputs()["history"]] = history.shown
        if config.name_unknown:
            places |= {"one picture of each face that is named on this page": config.faces}
        files = [f"{what} in {where}" for what, where in places.items() if where not in ("", "-")]
        sent = (f"a picture of each change, sent to {config.mqtt}",) if config.mqtt_pictures else ()
        return (*files, *journal, *sent)


def _check_plot_name(where: Path) -> None:
    """Raise ArgumentError for a name whose suffix is that of no picture."""
    from fer_edge.outputs.recording import wrong_picture_name

    if wrong := wrong_picture_name(where):
        raise ArgumentError(f"cannot plot to {where}: {wrong}")


def read_options(given: Mapping[str, Any]) -> RunOptions:
    """Return what a run does. A source on the command line takes the place of the file's.

    Args:
        given: The options by name, None for those that were not given.

    Raises:
        ArgumentError: A run would refuse this before it opens anything.
        FerError: The settings file is wrong, or the detector is not installed.
    """
    file = Path(given["config"]) if given.get("config") else None
    named = {each.name: given.get(each.name) for each in fields(EdgeConfig)}
    settings: dict[str, Any] = {
        name: str(value) if isinstance(value, Path) else value for name, value in named.items()
    }
    cameras = given.get("camera") or [None]
    settings["camera"] = cameras if len(cameras) > 1 else cameras[0]
    settings["quiet"] = given.get("quiet") or None
    pictures = tuple(Path(name) for name in given.get("pictures") or ())
    if len(pictures) == 1 and pictures[0].suffix.lower() in VIDEO_SUFFIXES and not given["video"]:
        settings["video"], pictures = str(pictures[0]), ()
    if pictures or any(settings[name] for name in _WATCHED):
        settings |= {name: settings[name] or none for name, none in _WATCHED.items()}
    config = load_with_secrets(file, settings, ["camera"] if pictures else [])
    if file:
        config = _with_files_beside(config, file.parent, settings)
    options = RunOptions(config, pictures, config.quiet)
    _check(options)
    return options


def _with_files_beside(config: EdgeConfig, folder: Path, given: Mapping[str, object]) -> EdgeConfig:
    """Return the settings with the files that a settings file names as they lie beside it."""

    def found(name: str, value: str) -> str:
        lies_there = value and not EdgeConfig.is_a_name(name, value) and (folder / value).exists()
        return str(folder / value) if lies_there else value

    own = [name for name in EdgeConfig.inputs() if not given[name]]
    beside: dict[str, Any] = {name: found(name, getattr(config, name)) for name in own}
    if not (given["camera"] or isinstance(config.camera, str)):
        beside["camera"] = [
            {**each, "detector": found("detector", each["detector"])}
            if isinstance(each, Mapping) and "detector" in each
            else each
            for each in config.camera
        ]
    return replace(config, **beside)


def _check(options: RunOptions) -> None:
    """Raise ArgumentError for what cannot be done; nothing is opened yet."""
    config = options.settings
    options.spare_what_is_watched()
    require_detector(config.detector)
    if config.camera:
        from fer_edge.sources.camera import check_camera

        for own in config.cameras.values():
            check_camera(str(own.camera))
            require_detector(own.detector)
    if config.save:
        from fer_edge.outputs.recording import check_saved_name

        check_saved_name(Path(config.save))
    if config.plot and not options.pictures:
        raise ArgumentError("--plot goes with one picture: fer-edge PICTURE --plot OUT.png")
    if config.models and not config.camera:
        raise ArgumentError("--models goes with a camera: fer-edge --camera 0 --models FOLDER")
    if options.pictures and config.clips:
        raise ArgumentError("--clips goes with a camera or a video, not with pictures")
    if options.pictures and config.events:
        raise ArgumentError("--events goes with a camera or a video; of pictures take --json")
    history_place(config)
    if options.pictures and config.serve:
        raise ArgumentError("--serve goes with a camera or a video, not with pictures")
    if config.https and not config.serve:
        raise ArgumentError("--https goes with --serve, as --serve 0.0.0.0:8443 --https")
    if config.name_unknown:
        _check_naming(config)
    if not options.pictures:
        from fer_edge.session.addresses import require_addresses

        require_addresses(config)


def _check_naming(config: EdgeConfig) -> None:
    """Raise ArgumentError where the page cannot show unknown faces, or has no place for them."""
    if not (config.faces and config.serve):
        raise ArgumentError(
            "--name-unknown goes with --faces and --serve, as --serve 8080 --faces people "
            "--name-unknown"
        )
    if not config.serve_video:
        raise ArgumentError(
            "--name-unknown shows pictures of faces, and --no-video numbers only: leave one out"
        )
    if config.blur:
        raise ArgumentError(
            "--name-unknown shows the faces that --blur hides: leave one of them out"
        )


def page_address(options: RunOptions) -> str:
    """Return the address of a run's page, empty for none.

    Raises:
        ArgumentError: The settings are wrong.
    """
    if options.pictures:
        return ""
    from fer_edge.session.addresses import check_addresses

    return check_addresses(options.settings)
