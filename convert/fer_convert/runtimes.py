"""Which TensorFlow Lite knows an operation."""

from __future__ import annotations

from fer_core.errors import ArgumentError

LATE = {("LOG", 2): "2.15.0", ("SQRT", 2): "2.21.0"}
"""What int8 makes of some layers (softplus, mish, ...) and tflite-runtime 2.14 does not know."""

INT16_ACTIVATIONS = "2.5.0"
"""The first TensorFlow Lite with int16 kernels for what networks of pictures are made of (its own
table of versions). The quantizer leaves the older version of the float file in such a file."""


def require_version(text: str) -> None:
    """Make sure that a text is a version.

    Raises:
        ArgumentError: It is none.
    """
    _version(text)


def is_newer(needed: str, floor: str) -> bool:
    """Return whether a version is newer than another; an empty one is newer than any.

    Raises:
        ArgumentError: One is no version.
    """
    return _version(needed or "999") > _version(floor)


def _version(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in (*text.split("."), "0", "0"))[:3]
    except ValueError as error:
        raise ArgumentError(f"{text!r} is no version such as 2.14") from error
