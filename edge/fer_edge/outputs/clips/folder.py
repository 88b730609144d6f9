"""A folder of clips: their names, an index of them, and a limit to what they take."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import threading
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import make_folder, write_text
from fer_core.typed_json import read_json
from fer_edge.outputs.clips.cut import keep_whole_pieces, playable_seconds

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
    """Names clips, lists them in `index.jsonl` and removes the oldest when they take too much.

    A thread may write clips while others look at them, or remove some.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """Take a folder, which is made if it is not there, and look at what a power cut left.

        Clips without a line get one. Of those that were not finished, what does not play is
        removed.

        Args:
            folder: Where the clips lie.
            most_bytes: How much they may take together.

        Raises:
            FerError: The folder cannot be made or its index not be written.
        """
        self.path, self._most_bytes = make_folder(folder), most_bytes
        self._lock = threading.Lock()
        self._open: dict[str, str] = {}
        self._newest: dict[str, ClipFacts] = {}
        known, found = self._read(), {file.name for file in self._files()}
        self._known = {name: facts for name, facts in known.items() if name in found}
        for name in sorted(found - self._known.keys()):
            self._known[name] = ClipFacts(name, "", "", "", "", 0.0, whole=False)
        self._look_at_cut_ones()
        self._make_room()

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
        """List a clip that is being written; the one before of that camera no longer is.

        Raises:
            FerError: The index cannot be written.
        """
        with self._lock:
            self._open[facts.camera] = facts.file
            self._known[facts.file] = replace(facts, seconds=0.0, whole=False)
            self._write()

    def end(self, facts: ClipFacts) -> None:
        """List a clip as it was finished, and make room.

        Raises:
            FerError: The index cannot be written.
        """
        with self._lock:
            self._open.pop(facts.camera, None)
            self._known[facts.file] = facts
            self._make_room(spare=facts.file)

    def clips(self) -> list[ClipFacts]:
        """Return what is known of each clip, the newest first."""
        with self._lock:
            return list(reversed(self._known.values()))

    def newest(self, camera: str) -> ClipFacts | None:
        """Return the newest whole clip of a camera, None where there is none; waits for nobody."""
        return self._newest.get(camera)

    def is_open(self, name: str) -> bool:
        """Return whether a clip is still being written."""
        with self._lock:
            return name in self._open.values()

    def file(self, name: str) -> Path:
        """Return where a clip lies.

        Raises:
            FerError: The folder has no such clip.
        """
        with self._lock:
            return self._file(name)

    def remove(self, name: str) -> None:
        """Remove a clip and its line, which may be all that is left of it.

        Raises:
            FerError: There is none, it is being written, or cannot be removed.
        """
        with self._lock:
            is_gone = name in self._known and not os.path.lexists(self.path / name)
            file = self.path / name if is_gone else self._file(name)
            if name in self._open.values():
                raise FerError(f"{name} is still being recorded")
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise FerError(f"cannot remove {name}: {error.strerror}") from error
            del self._known[name]
            self._write()

    def _file(self, name: str) -> Path:
        if name not in self._known or not _is_ours(self.path / name):
            raise FerError("there is no such clip")
        return self.path / name

    def _look_at_cut_ones(self) -> None:
        """Keep what plays of the clips that were not finished, and find out how long that is."""
        for name, facts in list(self._known.items()):
            if facts.whole or facts.seconds:
                continue
            try:
                keep_whole_pieces(self.path / name)
                seconds = playable_seconds(self.path / name)
                if seconds is None:
                    (self.path / name).unlink()
            except OSError as error:
                log.warning("%s was cut off and cannot be looked at: %s", name, error.strerror)
                continue
            if seconds is None:
                log.warning("%s was cut off before its first piece: removed", name)
                del self._known[name]
            else:
                self._known[name] = replace(facts, seconds=seconds)

    def _make_room(self, spare: str = "") -> None:
        """Remove the oldest clips until the rest takes no more than it may.

        The index has them in the order in which they were recorded; a clock may be set back.

        Args:
            spare: The name of one that stays, as do those that are being written.
        """
        place = {name: number for number, name in enumerate(self._known)}
        files = sorted(self._files(), key=lambda file: place.get(file.name, len(place)))
        taken = sum(file.stat().st_size for file in files)
        for file in files:
            if taken <= self._most_bytes:
                break
            if file.name not in (spare, *self._open.values()):
                size = file.stat().st_size
                try:
                    file.unlink()
                except OSError as error:  # Windows removes none that somebody plays
                    log.warning("%s stays, though it is old: %s", file.name, error.strerror)
                    continue
                taken -= size
                self._known.pop(file.name, None)
        for name in self._known.keys() - {file.name for file in files}:  # removed by hand
            del self._known[name]
        self._write()

    def _files(self) -> list[Path]:
        return [file for file in self.path.iterdir() if _is_ours(file)]

    def _read(self) -> dict[str, ClipFacts]:
        """Return what the index says; a line that is damaged is left out."""
        known: dict[str, ClipFacts] = {}
        with contextlib.suppress(FileNotFoundError):
            text = (self.path / INDEX).read_text(encoding="utf-8", errors="replace")
            for line in text.splitlines():
                try:
                    facts = read_json(line, ClipFacts, f"a line of {self.path / INDEX}")
                except FerError as error:
                    log.warning("%s", error)
                    continue
                known[facts.file] = facts
        return known

    def _write(self) -> None:
        self._newest = {facts.camera: facts for facts in self._known.values() if facts.whole}
        lines = [json.dumps(asdict(facts)) for facts in self._known.values()]
        text = "".join(f"{line}\n" for line in lines)
        try:
            write_text(self.path / INDEX, text)
        except FerError as error:
            raise FerError(f"the index of the clips cannot be written: {error}") from error


def _is_ours(file: Path) -> bool:
    """Return whether a file is a clip: a link could lead anywhere."""
    return bool(_OURS.fullmatch(file.name)) and file.is_file() and not file.is_symlink()
