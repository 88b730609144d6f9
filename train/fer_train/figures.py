"""Writing a figure, whatever it shows."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from fer_core.errors import ArgumentError
from fer_core.files import written_beside

mpl.rcParams["text.parse_math"] = False  # a $ in a name is no formula
_SUFFIXES = (".png", ".jpg", ".pdf", ".svg")


def save_figure(path: Path, figure: Figure, dpi: int = 130) -> None:
    """Write a figure whole or not at all.

    Raises:
        ArgumentError: The suffix is no picture's.
        FerError: The file cannot be written.
    """
    require_picture(path)
    with written_beside(path) as beside:
        figure.savefig(beside, dpi=dpi)


def require_picture(path: Path) -> None:
    """Make sure that a figure can be written to a path, by its suffix.

    Raises:
        ArgumentError: It is no picture's.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ArgumentError(f"cannot draw to {path}: the name must end in {', '.join(_SUFFIXES)}")
