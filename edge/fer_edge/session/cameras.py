"""The cameras that the settings name: one, or several of a name each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fer_core.text import name_key

OWN_SETTINGS: dict[str, tuple[type, ...]] = {
    "size": (str,),
    "fps": (int, float),
    "rotate": (int,),
    "mirror": (bool,),
    "detector": (str,),
    "min_face": (int,),
}
"""The settings that each camera may have for itself, and their types in TOML."""
MOST_CAMERAS = 16
CameraSetting = str | Sequence[str | Mapping[str, Any]]
"""0, NAME=0, several of those, or tables of a settings file."""
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,32}")
_NAMED = re.compile(rf"({_NAME.pattern})=(.+)", re.DOTALL)


def cameras_of(given: CameraSetting) -> dict[str, dict[str, Any]]:
    """Return the settings of each camera that differ from the run's, by its name.

    `camera` is one of them. A single camera without a name has the name "".

    Raises:
        ValueError: A name is missing, wrong or used twice, or so is a camera.
    """
    cameras: dict[str, dict[str, Any]] = {}
    entries = _entries(given)
    if len(entries) > MOST_CAMERAS:
        raise ValueError(f"at most {MOST_CAMERAS} cameras, got {len(entries)}")
    for entry in entries:
        name, own = _of_a_table(entry) if isinstance(entry, Mapping) else _of_text(entry)
        if not name and len(entries) > 1:
            raise ValueError("several cameras need a name each: --camera door=0 --camera desk=1")
        if name and _NAMED.fullmatch(own["camera"]):
            raise ValueError(f"camera {name} has another name in its source")
        alike = [other for other in cameras if name_key(other) == name_key(name)]
        if alike:  # files of both names may be one
            more = "" if name in alike else ": capitals do not count"
            raise ValueError(f"two cameras are called {name}{more}")
        same = [other for other, its in cameras.items() if its["camera"] == own["camera"]]
        if same:
            raise ValueError(f"{same[0]} and {name} are one camera")
        cameras[name] = own
    return cameras


def _entries(given: object) -> Sequence[object]:
    """Return what stands for a camera each."""
    if isinstance(given, str):
        words = given.split()
        several = len(words) > 1 and all(map(_NAMED.fullmatch, words))
        return words if several else [given]
    if isinstance(given, Sequence):
        return given
    raise ValueError("camera must be text, in quotes, or a list of such texts")


def _of_text(entry: object) -> tuple[str, dict[str, Any]]:
    if not isinstance(entry, str):
        raise ValueError("camera must be text, in quotes, or a list of such texts")
    named = _NAMED.fullmatch(entry)
    return (named[1], {"camera": named[2]}) if named else ("", {"camera": entry})


def _of_a_table(table: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    own = dict(table)
    name, source = own.pop("name", ""), own.pop("source", None)
    if not isinstance(source, str) or not source:
        raise ValueError('each [[camera]] needs its source, as source = "0"')
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError('each [[camera]] needs a name of a-z, A-Z, 0-9, _ and -, as name = "door"')
    for key, value in own.items():
        if key not in OWN_SETTINGS:
            known = ", ".join(["name", "source", *OWN_SETTINGS])
            raise ValueError(f"[[camera]] {name} has an unknown key {key!r}; known are {known}")
        kinds = OWN_SETTINGS[key]
        if type(value) not in kinds:
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise ValueError(f"[[camera]] {name}: {key} must be {wanted}, got {value!r}")
    return name, {"camera": source, **own}
