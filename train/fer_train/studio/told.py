"""Errors that the page tells in its own words, by a code and figures."""

from __future__ import annotations

from typing import Any

from fer_core.errors import FerError
from fer_core.text import counted, on_paper


class ToldError(FerError):
    """An error that users meet in normal use; its message is for programs.

    Attributes:
        code: Which sentence of words.js the page shows.
        figures: What stands in that sentence.
    """

    def __init__(self, message: str, *, code: str, **figures: str | int) -> None:
        super().__init__(message)
        self.code, self.figures = code, figures


class AbsentError(ToldError):
    """A folder, a picture or a run that is not there, or no longer."""


class RunningError(ToldError):
    """Something is asked that cannot be done beside the job that runs."""


def absent(one: str, name: str) -> AbsentError:
    """Return that nothing of this name is there; `one` is what it would be, as "class"."""
    return AbsentError(f"there is no {one} {name!r} any more", code="gone", name=name)


def picture_absent(name: str, file: str) -> AbsentError:
    """Return that a picture of a folder is not there."""
    words = f"there is no picture {file!r} in {name!r} any more"
    return AbsentError(words, code="picture_gone", name=name)


def unreadable_crop(file: str) -> ToldError:
    """Return that a picture, named CLASS/FILE, cannot be read."""
    words = f"{file} cannot be read as a picture: delete it"
    return ToldError(words, code="unreadable_crop", file=file)


def other_files(name: str, count: int) -> ToldError:
    """Return that a folder holds files which the studio did not write; 0 for a link to a folder."""
    others = f"holds {counted(count, 'other file')}: move them away, or" if count else "is a link:"
    words = f"{name} {others} delete it by hand"
    return ToldError(words, code="other_files", name=name, count=count)


def other_count(name: str, count: int) -> ToldError:
    """Return that a folder has not as many pictures as the user agreed to delete."""
    words = f"{name} has {count} pictures now: look at them before you delete it"
    return ToldError(words, code="other_count", name=name, count=count)


def taken(one: str, name: str) -> ToldError:
    """Return that something of this name is there; `one` is what it is, as "class"."""
    words = f"there is a {one} '{name}' already: choose another name"
    return ToldError(words, code="taken", name=name)


def full(name: str, most: int) -> ToldError:
    """Return that a folder has as many pictures as it may."""
    words = f"{name} has {most} pictures, which is the most: delete some"
    return ToldError(words, code="full", name=name, most=most)


def being_trained(name: str) -> RunningError:
    """Return that a run is being made."""
    words = f"{name} is being trained: wait for it, or stop it"
    return RunningError(words, code="training", name=name)


def error_json(error: FerError) -> dict[str, Any]:
    """Return an error as JSON values: its words, and its code and figures where it has some."""
    told: dict[str, Any] = {**error.to_json(), "error": on_paper(str(error))}
    if isinstance(error, ToldError):
        told["code"] = error.code
        told["figures"] = {
            name: on_paper(value) if isinstance(value, str) else value
            for name, value in error.figures.items()
        }
    return told
