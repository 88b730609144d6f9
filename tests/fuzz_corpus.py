"""The corpus of the fuzzer: for each target the smallest inputs that together reach most lines."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz_targets import TARGETS

FUZZ = Path(__file__).parent / "fuzz"
MOST_BYTES = 60_000
"""Of one target's inputs together."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_OURS = ("/fer_core/", "/fer_edge/", "/fer_convert/", "/fer_bench/")

Jump = tuple[str, int, int]


def kept_corpus(name: str) -> list[bytes]:
    """Return the inputs that are kept for a target."""
    file = FUZZ / "corpus" / f"{name}.zip"
    if not file.exists():
        return []
    with zipfile.ZipFile(file) as archive:
        return [archive.read(each) for each in sorted(archive.namelist())]


def findings(name: str) -> dict[str, bytes]:
    """Return the inputs that once found a fault, by the names of their files."""
    folder = FUZZ / "findings" / name
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*"))}


def keep(name: str, inputs: Iterable[bytes]) -> None:
    """Keep the smallest inputs of a target that each make a new jump between lines."""
    with tempfile.TemporaryDirectory() as folder:
        read = TARGETS[name].make(Path(folder))
        known: set[Jump] = set()
        chosen: list[bytes] = []
        for content in sorted({*inputs, *kept_corpus(name)}, key=lambda each: (len(each), each)):
            jumps = _jumps(read, content)
            if not jumps <= known and len(content) + sum(map(len, chosen)) <= MOST_BYTES:
                known |= jumps
                chosen.append(content)
    file = FUZZ / "corpus" / f"{name}.zip"
    file.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for content in chosen:
            info = zipfile.ZipInfo(hashlib.sha256(content).hexdigest()[:12], _EPOCH)
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)


def _jumps(read: Callable[[bytes], None], content: bytes) -> set[Jump]:
    """Return the jumps from line to line of our code while an input is read."""
    jumps: set[Jump] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        file, last = frame.f_code.co_filename, 0
        if not any(part in file for part in _OURS):
            return None

        def step(inner: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            jumps.add((file, last, inner.f_lineno))
            last = inner.f_lineno
            return step

        return step

    sys.settrace(enter)
    try:
        read(content)
    finally:
        sys.settrace(None)
    return jumps
