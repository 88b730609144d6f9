"""Damaged and hostile versions of good input, by a seed."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fer_core.errors import FerError

MUTANTS, SEED = int(os.environ.get("FUZZ", "60")), int(os.environ.get("FUZZ_SEED", "0"))

_ODD_BYTES = (b"", b"\x00" * 8, b"\xff" * 8, b"PK\x03\x04", b"\x93NUMPY", b"{" * 50, b"\x1b[2J")
_ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**400, -1e308, 1e999, "", "x" * 400, "\x1b[2J\n", "../../x",
    "\ud800", [], {}, [[]], [None], {"": None}, [1, "a", None], "nan",
)  # fmt: skip


def byte_mutants(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield versions with bits flipped, parts cut out, doubled, zeroed or replaced."""
    rng = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(content)
        for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
            if not mutant:
                break
            at = rng.randrange(len(mutant))
            upto = min(len(mutant), at + rng.choice((1, 2, 4, 64, 4096)))
            change = rng.randrange(7)
            if change == 0:
                mutant[at] ^= 1 << rng.randrange(8)
            elif change == 1:
                mutant[at] = rng.choice((0, 1, 127, 128, 255))
            elif change == 2:
                del mutant[at:upto]
            elif change == 3:
                mutant[at:at] = mutant[at:upto]
            elif change == 4:
                mutant[at:upto] = bytes(upto - at)
            elif change == 5:
                mutant[at:upto] = rng.choice(_ODD_BYTES)
            else:
                del mutant[at:]
        yield bytes(mutant)


def json_mutants(value: Any, count: int, seed: int = 0) -> Iterator[str]:
    """Yield JSON texts in which some values are of other types and sizes, or are missing."""
    rng = random.Random(seed)
    for _ in range(count):
        mutant = {"root": copy.deepcopy(value)}
        for _ in range(rng.choice((1, 1, 2, 5))):
            change_json(mutant, rng)
        yield json.dumps(mutant["root"])


def change_json(mutant: dict[str, Any], rng: random.Random) -> None:
    """Change one value below "root" in place, or take it out."""
    holder, key = rng.choice(list(_places(mutant)))
    change = rng.randrange(4)
    if change == 0 and holder is not mutant:
        del holder[key]
    elif change == 1 and isinstance(holder[key], str | list | dict):
        holder[key] = _nested(rng.choice((3, 200)))
    elif change == 2 and isinstance(holder[key], list):
        holder[key] = holder[key] * rng.choice((0, 2, 50))
    else:
        holder[key] = copy.deepcopy(rng.choice(_ODD_VALUES))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with each of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def survives(read: Callable[[], object], mutant: object) -> bool:
    """Return whether reading ended well; fail for anything but a FerError."""
    try:
        read()
    except FerError:
        return False
    except Exception as error:  # noqa: BLE001  # which is the fault that is looked for
        pytest.fail(f"{type(error).__name__}: {error} for {str(mutant)[:500]!r}")
    return True
