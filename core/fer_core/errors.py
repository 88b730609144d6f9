"""The one error type that a user can fix."""

from __future__ import annotations

from collections.abc import Sequence


class FerError(Exception):
    """An error that you can fix.

    The message names the value, what was allowed, and what to do next. Commands print it
    on stderr and exit with `exit_code`; anything else is a defect of ours and may traceback.

    Attributes:
        see: The section of docs/troubleshooting.md that explains it, as `camera-not-found`; empty
            for none.
    """

    exit_code = 1

    def __init__(self, message: str = "", *, see: str = "") -> None:
        super().__init__(message)
        self.see = see

    @classmethod
    def joined(cls, errors: Sequence[FerError]) -> FerError:
        """Return one error with the messages of several, and the first code among them."""
        see = next((error.see for error in errors if error.see), "")
        return cls("\n".join(map(str, errors)), see=see)

    def to_json(self) -> dict[str, str]:
        """Return what a page answers: the message as `error`, and its `code` if it has one."""
        return {"error": str(self)} | ({"code": self.see} if self.see else {})


class ArgumentError(FerError):
    """Wrong arguments on the command line."""

    exit_code = 2


class InUseError(FerError):
    """What was to be taken is there already."""


class BusyError(FerError):
    """Somebody else is at it: later it may be done."""
