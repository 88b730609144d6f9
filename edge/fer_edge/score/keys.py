"""Which sources are the same, of millions, without all of their names in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_core.text import distinct_bytes
from fer_core.values import Int64Array
from fer_edge.score.sources import Source

Keys = npt.NDArray[np.uint64]
"""(n, 3): the first two are a hash of the address, the third one of its version."""
KEY_BYTES = 24
_BUCKET = 1_000_000
_CHUNK = 1_000_000


def key_of(source: Source) -> bytes:
    """Return the key of a source, KEY_BYTES long."""
    address, version = distinct_bytes(source.name), distinct_bytes(source.version)
    return (
        hashlib.blake2b(address, digest_size=16).digest()
        + hashlib.blake2b(version, digest_size=8).digest()
    )


def read_keys(file: Path) -> Keys:
    """Return the keys in a file; what is not looked at stays on the disk."""
    if not file.stat().st_size:
        return np.empty((0, 3), np.uint64)
    return np.memmap(file, np.uint64, "r").reshape(-1, 3)


def find_repeated(keys: Keys, known: Sequence[Keys]) -> tuple[Int64Array, int]:
    """Return which keys are there already, and of how many the version is another.

    Args:
        keys: Those that are new, in their order.
        known: Those of earlier plans.

    Returns:
        The rows of `keys` whose address was in `known` or in a row before, ascending; and how many
        of them differ from the first one in their version.
    """
    parts = [*known, keys]
    total = sum(map(len, parts))
    buckets = max(1, -(-total // _BUCKET))
    repeated, changed = [np.empty(0, np.int64)], 0
    for bucket in range(buckets):
        rows, numbers = _bucket(parts, bucket, buckets)
        order = np.lexsort((numbers, rows[:, 1], rows[:, 0]))
        rows, numbers = rows[order], numbers[order]
        again = np.zeros(len(rows), bool)
        again[1:] = (rows[1:, :2] == rows[:-1, :2]).all(axis=1)
        again &= numbers >= total - len(keys)
        first = np.maximum.accumulate(np.where(again, 0, np.arange(len(rows))))
        changed += int((rows[again, 2] != rows[first[again], 2]).sum())
        repeated.append(numbers[again] - (total - len(keys)))
    return np.sort(np.concatenate(repeated)), changed


def _bucket(parts: Sequence[Keys], bucket: int, buckets: int) -> tuple[Keys, Int64Array]:
    """Return the keys of one bucket, and their numbers among all."""
    rows, numbers, before = [np.empty((0, 3), np.uint64)], [np.empty(0, np.int64)], 0
    for part in parts:
        for start in range(0, len(part), _CHUNK):
            chunk = part[start : start + _CHUNK]
            (inside,) = np.nonzero(chunk[:, 0] % buckets == bucket)
            rows.append(np.asarray(chunk[inside]))
            numbers.append(inside + before + start)
        before += len(part)
    return np.concatenate(rows), np.concatenate(numbers)
