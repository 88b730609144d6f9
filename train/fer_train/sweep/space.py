"""SPACE.toml: which settings a sweep tries, and what is the same in all its trials."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from fer_core.data_settings import DataSettings
from fer_core.errors import FerError
from fer_core.settings import read_toml
from fer_train.config import TrainConfig
from fer_train.run_folder import chosen_config

Value = bool | int | float | str
_NOT_TRIED = {
    "data": "all trials need the same pictures",
    "skip_bad": "all trials need the same pictures",
    "labels": "all trials need the same labels",
    "votes": "all trials need the same labels",
    "without": "all trials need the same classes",
    "held_out": "all trials need the same pictures",
    "split_seed": "all trials need the same pictures",
    "init_weight": "accuracy on the new data alone cannot choose it",
    "seed": "that would choose among draws of luck",
    "folds": "a trial is one training",
    "qat": "give it before the tables: qat = true",
}
_KINDS: dict[type, str] = {
    str: "text, in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
_PATHS = ("data", "votes", "held_out", "soft_labels")
_PATHS_OR_NAMES = ("init", "online_teacher")
_RANGE_KEYS = ("low", "high", "log", "step")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting and the values that are tried: choices, or a range.

    Attributes:
        choices: Empty for a range.
        log: Whether values are drawn evenly by their logarithm.
        step: The distance between two values; None for none, 1 for whole numbers.
    """

    name: str
    choices: tuple[Value, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False
    step: float | None = None
    whole: bool = False

    def examples(self) -> Iterator[tuple[str, Value]]:
        """Yield values that have to be allowed, each with what it is called in messages."""
        if self.choices:
            for value in self.choices:
                yield f"choice {value!r}", value
        else:
            for key, value in (("low", self.low), ("high", self.high)):
                yield f"{key} {value!r}", value


@dataclass(frozen=True, slots=True)
class Space:
    """What a sweep tries.

    Attributes:
        file: Where it was read from.
        fixed: Settings that are the same in all trials, by name.
        config: The settings file below them, None for the shipped one of the architecture.
    """

    file: Path
    settings: tuple[Setting, ...]
    fixed: Mapping[str, Value]
    config: Path | None = None

    def trial_config(self, values: Mapping[str, Any]) -> TrainConfig:
        """Return the settings of a trial.

        Args:
            values: Those of the tried settings, by name.

        Raises:
            FerError: They do not go together, or a file that they name cannot be read.
        """
        given = {**self.fixed, **values}
        arch, init = given.pop("arch", None), given.pop("init", None)
        return chosen_config(self.config, arch, init, given)


def read_space(file: Path, config: Path | None, given: Mapping[str, Value | None]) -> Space:
    """Return what a SPACE.toml says.

    Args:
        file: A table for each setting that is tried, with `choices`, or `low` and `high`, and if
            wanted `log` and `step`. Plain keys before the tables are the same in all trials.
        config: The settings file below them, None for the shipped one of the architecture.
        given: Settings of the command line by name, None for those not given; they win.

    Raises:
        FerError: It cannot be read, or a key or a value is wrong.
    """
    values, known = read_toml(file), get_type_hints(TrainConfig)
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise FerError(f"{file}: there is no setting {name!r}; the nearest one is {near!r}")
    tables = {name: each for name, each in values.items() if isinstance(each, dict)}
    if not tables:
        raise FerError(
            f"{file} tries nothing: it needs a table for each setting to try, such as\n"
            "[learning_rate]\nlow = 0.01\nhigh = 0.3\nlog = true"
        )
    plain = {name: each for name, each in values.items() if name not in tables}
    for name, each in plain.items():
        _require_kind(f"{file}: {name}", each, known[name])
    fixed = {name: _whole(name, each, file.parent) for name, each in plain.items()}
    fixed |= {name: each for name, each in given.items() if each is not None}
    for name in tables.keys() & fixed.keys():
        raise FerError(f"{file}: [{name}] is tried, and given as {fixed[name]!r}: leave one out")
    settings = tuple(_setting(file, name, table, known[name]) for name, table in tables.items())
    space = Space(file, settings, fixed, config)
    space.trial_config({})
    _require_allowed(space)
    return space


def _whole(name: str, value: Value, base: Path) -> Value:
    """Return a value; where it is a path from the folder of SPACE.toml, the whole path."""
    is_path = name in _PATHS or (name in _PATHS_OR_NAMES and (base / str(value)).exists())
    return str((base / str(value)).resolve()) if is_path and value else value


def _setting(file: Path, name: str, table: Mapping[str, Any], kind: type) -> Setting:
    """Return a setting as its table says; raise FerError where that is wrong."""
    where = f"{file}: [{name}]"
    if name in _NOT_TRIED:
        raise FerError(f"{where} cannot be tried: {_NOT_TRIED[name]}")
    for key in table:
        if key not in ("choices", *_RANGE_KEYS):
            raise FerError(f"{where} has {key!r}; allowed are choices, or {', '.join(_RANGE_KEYS)}")
    if "choices" in table:
        choices = _choices(where, table, kind)
        return Setting(name, tuple(_whole(name, each, file.parent) for each in choices))
    if kind not in (int, float):
        raise FerError(f"{where} needs choices = [...], each {_KINDS[kind]}")
    for key in ("low", "high"):
        if key not in table:
            raise FerError(f"{where} needs {key}, or choices = [...]")
    for key in ("low", "high", "step"):
        if key in table:
            _require_kind(f"{where} {key}", table[key], kind)
    low, high, step, log = table["low"], table["high"], table.get("step"), table.get("log", False)
    _require_kind(f"{where} log", log, bool)
    if not low < high:
        raise FerError(f"{where} needs a low below its high, got {low!r} and {high!r}")
    if step is not None and not (step > 0 and _divides(step, high - low)):
        raise FerError(f"{where} step must divide the way from low to high, got {step!r}")
    if log and (low <= 0 or step is not None):
        raise FerError(f"{where} log = true needs a low above 0, and no step")
    return Setting(name, (), low, high, log, step, whole=kind is int)


def _divides(step: float, way: float) -> bool:
    """Return whether a way is whole steps; 0.1 and its like are not exact as binary numbers."""
    steps = way / step
    return round(steps) >= 1 and abs(steps - round(steps)) < 1e-6


def _choices(where: str, table: Mapping[str, Any], kind: type) -> tuple[Value, ...]:
    """Return the choices of a table; raise FerError where they are wrong."""
    choices = table["choices"]
    if len(table) > 1:
        raise FerError(f"{where} has choices and a range: leave one out")
    if not isinstance(choices, list) or not choices:
        raise FerError(f"{where} choices must be a list of values, such as [1, 2], got {choices!r}")
    for choice in choices:
        _require_kind(f"{where} choices", choice, kind)
        if choices.count(choice) > 1:
            raise FerError(f"{where} choices: {choice!r} is there twice")
    return tuple(float(each) if kind is float else each for each in choices)


def _require_kind(where: str, value: object, kind: type) -> None:
    """Raise FerError unless a value is of a kind; a whole number is a number, too."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise FerError(f"{where} must be {_KINDS[kind]}, got {value!r}")


def _require_allowed(space: Space) -> None:
    """Raise FerError unless every value is allowed: alone, or beside first or last other ones."""
    examples = {each.name: [value for _, value in each.examples()] for each in space.settings}
    beside = [{name: values[at] for name, values in examples.items()} for at in (0, -1)]
    for setting in space.settings:
        for words, value in setting.examples():
            faults = [_fault(space, {**others, setting.name: value}) for others in ({}, *beside)]
            if all(faults):
                raise FerError(f"{space.file}: [{setting.name}] {words}: {faults[0]}")


def _fault(space: Space, values: Mapping[str, Value]) -> str:
    """Return why values do not go together, empty where they do."""
    try:
        config, others = space.trial_config(values), space.trial_config({})
    except FerError as error:
        return str(error)
    if _divided(config) == _divided(others):
        return ""
    return "all trials need the same validation split: give the run's split_seed before the tables"


def _divided(config: TrainConfig) -> DataSettings:
    """Return what decides the pictures of a trial and their splits, but not how they look."""
    return replace(config.pictures, size=0, colour="gray")
