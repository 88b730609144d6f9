"""What ships beside the code: settings (`configs/NAME.toml`) and finished runs (`results/NAME`).

In a checkout they lie beside the package, in an installed wheel inside it. Needs no Keras.
"""

from __future__ import annotations

from pathlib import Path

from fer_core.errors import ArgumentError
from fer_core.text import did_you_mean

DEFAULT_ARCH = "fer-small"
FINE_TUNE, QUANTIZE_AWARE, FERPLUS = "fine-tune", "quantize-aware", "ferplus"
"""The settings files that are of no architecture."""
QAT_SUFFIX = "-qat"
"""What the name of a network gets that was trained with the rounding of int8."""
_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """Return where `configs` or `results` lie."""
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def shipped_architectures() -> list[str]:
    """Return the architectures that have shipped settings, sorted."""
    names = {path.stem for path in shipped("configs").glob("*.toml")}
    return sorted(names - {FINE_TUNE, QUANTIZE_AWARE, FERPLUS})


def full_name(arch: str) -> str:
    """Return an architecture's name, `d-wide` for `d`.

    Raises:
        ArgumentError: No name begins so.
    """
    names = shipped_architectures()
    found = [name for name in names if arch in (name, name.partition("-")[0]) and arch != "fer"]
    if len(found) != 1:
        there = f"no architecture {arch!r}; there are {', '.join(names)}"
        raise ArgumentError(f"{there}{did_you_mean(arch, names)}", see="setting-wrong")
    return found[0]


def shipped_config(name: str) -> Path:
    """Return the settings file of an architecture, or one that is of none, such as FINE_TUNE."""
    return shipped("configs") / f"{name}.toml"
