"""A folder of clips: their names, an index of them, and a limit to what they take."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import make_folder, write_text

log = logging.getLogger(__name__)

INDEX = "index.jsonl"
_OURS = re.compile(r"(?P<time>\d{8}-\d{6}|at-\d+s)(?P<rest>-[\w-]+)\.mp4")
"""Files of other names are never removed."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What the index says of a clip.

    Attributes:
        file: Its name in the folder.
        time: When its first frame was taken (RFC 3339), empty for that of a file.
        camera: Which camera, empty where it has no name.
        label: What the face looked like that began it.
        person: Who that was, empty for nobody known.
        seconds: How long it is.
        whole: Whether it was finished; else the power failed, and what was written plays.
    """

    file: str
    time: str
    camera: str
    label: str
    person: str
    seconds: float
    whole: bool = True


class ClipFolder:
    """Names clips, lists them in `index.jsonl` and removes the oldest when they take too much."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Take a folder, which is made if it is not there; clips without a line get one.

        Args:
            folder: Where the clips lie.
            most_bytes: How much they may take together.

        Raises:
            FerError: The folder cannot be made or its index not be written.
        """
        self.path, self._most_bytes = make_folder(folder), most_bytes
        self._known = self._read()
        found = {file.name for file in self._clips()}
        self._known = {name: facts for name, facts in self._known.items() if name in found}
        for name in sorted(found - self._known.keys()):
            self._known[name] = ClipFacts(name, "", "", "", "", 0.0, whole=False)
        self.make_room()

    def new_name(self, wall: float | None, at: float, camera: str, label: str) -> str:
        """Return a name that no file has.

        Args:
            wall: When the first frame was taken, in seconds since 1970; None for a file's.
            at: The same in seconds of the frames' clock.
            camera: Which camera, empty where it has no name.
            label: What the face looks like.
        """
        when = f"at-{at:.0f}s"
        if wall is not None:
            when = datetime.fromtimestamp(wall).astimezone().strftime("%Y%m%d-%H%M%S")
        said = re.sub(r"[^\w]+", "_", label)[:40] or "face"
        stem = "-".join(part for part in (when, camera, said) if part)
        again = ("", *(f"-{number}" for number in range(2, 1000)))
        names = (f"{stem}{each}.mp4" for each in again)
        free = (name for name in names if not (self.path / name).exists())
        return next(free, f"{stem}-1000.mp4")

    def begin(self, facts: ClipFacts) -> None:
        """List a clip that is being written.

        Raises:
            FerError: The index cannot be written.
        """
        self._known[facts.file] = replace(facts, whole=False)
        self._write()

    def end(self, facts: ClipFacts) -> None:
        """List a clip as whole, and make room.

        Raises:
            FerError: The index cannot be written.
        """
        self._known[facts.file] = facts
        self.make_room(spare=facts.file)

    def make_room(self, spare: str = "") -> None:
        """Remove the oldest clips until the rest takes no more than it may.

        Args:
            spare: The name of one that stays.

        Raises:
            FerError: The index cannot be written.
        """
        files = sorted(self._clips(), key=lambda file: (file.stat().st_mtime, file.name))
        taken = sum(file.stat().st_size for file in files)
        for file in files:
            if taken <= self._most_bytes:
                break
            if file.name != spare:
                taken -= file.stat().st_size
                file.unlink()
                self._known.pop(file.name, None)
        self._write()

    def _clips(self) -> list[Path]:
        return [file for file in self.path.iterdir() if _OURS.fullmatch(file.name)]

    def _read(self) -> dict[str, ClipFacts]:
        """Return what the index says; a line that is damaged is left out."""
        known: dict[str, ClipFacts] = {}
        with contextlib.suppress(FileNotFoundError):
            text = (self.path / INDEX).read_text(encoding="utf-8", errors="replace")
            for line in text.splitlines():
                try:
                    facts = ClipFacts(**json.loads(line))
                except (TypeError, ValueError) as error:
                    log.warning("%s has a line that is none: %s", self.path / INDEX, error)
                    continue
                known[facts.file] = facts
        return known

    def _write(self) -> None:
        lines = [json.dumps(asdict(facts)) for facts in self._known.values()]
        text = "".join(f"{line}\n" for line in lines)
        try:
            write_text(self.path / INDEX, text)
        except FerError as error:
            raise FerError(f"the index of the clips cannot be written: {error}") from error
