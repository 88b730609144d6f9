"""The one error type that a user can mend."""


class FerError(Exception):
    """A fault that the user can mend.

    The message names the value, what was allowed, and what to do next. Commands print it
    on stderr and exit with `exit_code`; anything else is a defect of ours and may traceback.
    """

    exit_code = 1


class ArgumentError(FerError):
    """Wrong arguments on the command line."""

    exit_code = 2


class InUseError(FerError):
    """What was to be taken is there already."""


class BusyError(FerError):
    """Somebody else is at it: later it may be done."""
