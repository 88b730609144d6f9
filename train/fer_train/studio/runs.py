"""The trained networks of a studio, and what is noted of each: the crops and the judgment."""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.files import make_folder, write_text
from fer_core.metrics import ClassificationReport
from fer_core.typed_json import read_json
from fer_train.studio.listing import folders_in
from fer_train.studio.told import AbsentError, absent

log = logging.getLogger(__name__)

NOTES = "studio.json"
_ASIDE = ".before-"
"""How the folder of a run begins while the run is made anew."""
_PICTURES_OF_A_RUN = ("mistakes.png", "feature_maps.png")
"""What fer-train draws from crops: it would outlive them."""


@dataclass(frozen=True, slots=True)
class LearnedPicture:
    """A crop that a run was made with; `held_back` is whether it judged."""

    label: str
    file: str
    sha256: str
    held_back: bool


@dataclass(frozen=True, slots=True)
class Mistake:
    """A crop that was held back and answered wrong, with which confidence (0 to 1)."""

    label: str
    file: str
    answered: str
    confidence: float


@dataclass(frozen=True, slots=True)
class RunNotes:
    """What the studio notes of a run.

    Attributes:
        made: When, as ISO 8601 in local time.
        init: What it started from.
        divided: The classes of one recording, a part of which judges.
        confusion: (k, k) of the int8 bundle on what was held back; empty before it was judged.
        mistakes: Those of the bundle, the surest first.
    """

    made: str
    init: str
    labels: tuple[str, ...]
    pictures: tuple[LearnedPicture, ...]
    divided: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    @property
    def digests(self) -> frozenset[str]:
        """The SHA-256 of all crops that it was made with."""
        return frozenset(each.sha256 for each in self.pictures)

    def report(self) -> ClassificationReport | None:
        """Return the figures of the judgment, None before there is one."""
        if not self.confusion:
            return None
        return ClassificationReport(self.labels, np.array(self.confusion, np.int64), 0.0)


class RunFolders:
    """The run folders of a studio."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it lacks.

        Raises:
            FerError: It cannot be made.
        """
        self.folder = make_folder(folder)

    def names(self) -> list[str]:
        """Return the names of the runs."""
        return folders_in(self.folder)

    def of(self, name: str) -> Path:
        """Return the folder of a run.

        Raises:
            AbsentError: There is none of this name.
        """
        if name not in self.names():
            raise absent("model", name)
        return self.folder / name

    def notes(self, name: str) -> RunNotes | None:
        """Return what is noted of a run; None for a run that was made elsewhere.

        Raises:
            FerError: There is no such run, or its notes are damaged.
        """
        file = self.of(name) / NOTES
        try:
            return read_json(file.read_bytes(), RunNotes, str(file))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FerError(f"{file} cannot be read: {error.strerror}") from error

    def all_notes(self) -> dict[str, RunNotes | None]:
        """Return the notes of all runs by name, None for what was made elsewhere or is damaged."""
        found: dict[str, RunNotes | None] = {}
        for name in self.names():
            try:
                found[name] = self.notes(name)
            except AbsentError:
                continue  # deleted just now
            except FerError:
                found[name] = None  # the run can still be deleted
        return found

    def start_of(self, name: str) -> str:
        """Return the name of the network that a run started from.

        Raises:
            FerError: There is no such run, or nothing is noted of it.
        """
        notes = self.notes(name)
        if notes is None:
            raise FerError(f"{name} was not made here: train a new one")
        return notes.init

    def save_notes(self, name: str, notes: RunNotes) -> None:
        """Write what is noted of a run, whose folder is made where it lacks.

        Raises:
            FerError: The system refuses the write.
        """
        text = json.dumps(asdict(notes), indent=1)
        write_text(make_folder(self.folder / name) / NOTES, text + "\n")

    def bundle(self, name: str) -> Path | None:
        """Return the int8 bundle of a run, None where there is none yet.

        Raises:
            AbsentError: There is no such run.
        """
        return next(iter(sorted(self.of(name).glob("*-int8.tflite"))), None)

    def require_bundle(self, name: str) -> Path:
        """Return the int8 bundle of a run.

        Raises:
            FerError: There is no such run, or it was not converted.
        """
        bundle = self.bundle(name)
        if bundle is None:
            raise FerError(f"{name} was not trained to its end: train again")
        return bundle

    def forget_faces(self, name: str) -> None:
        """Delete what fer-train has drawn from crops in the folder of a run of this studio.

        A run without notes was made elsewhere, and keeps its pictures.
        """
        run = self.folder / name
        for picture in _PICTURES_OF_A_RUN if (run / NOTES).exists() else ():
            try:
                (run / picture).unlink(missing_ok=True)
            except OSError as error:  # the next start tries again
                log.warning("%s shows faces and stays: %s", run / picture, error.strerror)

    def set_aside(self, name: str) -> None:
        """Put a run out of the way of one of its name that is to be made anew.

        Raises:
            FerError: There is none, or the system refuses.
        """
        try:
            self.of(name).rename(self._aside(name))
        except OSError as error:
            raise FerError(f"{error.filename}: {error.strerror}; it stays as it is") from error

    def settle(self) -> None:
        """Of runs that were set aside delete those that were made anew, put the others back."""
        for aside in self.folder.glob(f"{_ASIDE}*"):
            name = aside.name.removeprefix(_ASIDE)
            folder = self.folder / name
            if folder.exists() and self._is_judged(name):
                shutil.rmtree(aside, ignore_errors=True)
            else:
                shutil.rmtree(folder, ignore_errors=True)
                with suppress(OSError):  # the next start tries again
                    aside.rename(folder)

    def _aside(self, name: str) -> Path:
        return self.folder / f"{_ASIDE}{name}"

    def _is_judged(self, name: str) -> bool:
        try:
            notes = self.notes(name)
        except FerError:
            return False
        return notes is not None and notes.report() is not None

    def delete(self, name: str) -> None:
        """Delete a run with its networks and notes.

        Raises:
            FerError: There is none, or the system refuses.
        """
        try:
            shutil.rmtree(self.of(name))
        except OSError as error:
            raise FerError(f"{error.filename}: {error.strerror}; some of it stays") from error
