"""What one run is asked to watch and to write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_core.errors import ArgumentError
from fer_edge.config import EdgeConfig
from fer_edge.outputs.recording import SAVED_SUFFIXES


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to watch (exactly one of the first four) and where to send what is seen."""

    camera: str | None = None
    video: Path | None = None
    pictures: tuple[Path, ...] = ()
    demo: bool = False
    json: str | None = None
    events: str | None = None
    save: Path | None = None
    plot: Path | None = None
    show: bool | None = None
    quiet: bool = False
    faces: Path | None = None

    @classmethod
    def of(cls, config: EdgeConfig, pictures: tuple[Path, ...], quiet: bool) -> Wishes:
        """Return what the settings say, and these pictures."""
        return cls(
            config.camera or None,
            Path(config.video) if config.video else None,
            pictures,
            config.demo,
            config.json or None,
            config.events or None,
            Path(config.save) if config.save else None,
            Path(config.plot) if config.plot else None,
            config.show,
            quiet,
            Path(config.faces) if config.faces else None,
        )

    def __post_init__(self) -> None:
        given = [self.camera is not None, self.video is not None, bool(self.pictures), self.demo]
        if sum(given) != 1:
            raise ArgumentError(
                "say what to watch, one of: --camera 0, --video FILE, PICTURE..., --demo"
            )
        if self.json is not None and self.json == self.events:
            raise ArgumentError("--json and --events need places of their own")
        if self.plot is not None and self.plot.suffix.lower() not in SAVED_SUFFIXES:
            raise ArgumentError(
                f"cannot plot to {self.plot}: the name must end in "
                f"{', '.join(sorted(SAVED_SUFFIXES))}"
            )
        if self.plot is not None and self.plot == self.save:
            raise ArgumentError("--plot and --save need places of their own")

    def stored(self, as_service: bool = False) -> tuple[str, ...]:
        """Return what is written and where, in words; a service's stdout goes to the journal."""
        told = not self.quiet or "-" in (self.json, self.events)
        journal = ("every change in this computer's journal",) if as_service and told else ()
        places = (
            ("every face", self.json),
            ("every change", self.events),
            ("the annotated pictures", self.save),
        )
        files = [f"{what} in {where}" for what, where in places if where and where != "-"]
        return (*files, *journal)
