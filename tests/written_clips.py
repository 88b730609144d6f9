"""Clips of moments, written as a run writes them."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from pathlib import Path

import cv2
import numpy as np

from fer_edge.outputs.clips.folder import ClipFolder
from fer_edge.outputs.clips.writer import ClipWriter, KeptFrame

WALL = 1.7e9


def write_clips(
    folder: Path, clips: Sequence[tuple[str, str, str]], seconds: float = 3.0
) -> ClipFolder:
    """Write a clip of each camera, label and person; return the folder as a run has it."""
    held = ClipFolder(folder, 1 << 30)
    with ClipWriter(held) as writer:
        for number, (camera, label, person) in enumerate(clips):
            writer.begin(camera, label, person)
            for index in range(round(10 * seconds)):
                pixels = np.full((120, 160, 3), (40, 60 + index, 160), np.uint8)
                at = 100.0 * number + index / 10
                jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
                writer.write(camera, KeptFrame(at, WALL + at, jpeg))
            writer.end(camera)
    return held


def write_until_killed(folder: Path, most_bytes: int, began: Event) -> None:
    """Write one clip after another, in pieces too large for one write; meant to be killed."""
    rng = np.random.default_rng(os.getpid())
    noise = [rng.integers(0, 256, (120, 160, 3), np.uint8) for _ in range(8)]
    jpegs = [cv2.imencode(".jpg", pixels)[1].tobytes() for pixels in noise]
    with ClipWriter(ClipFolder(folder, most_bytes)) as writer:
        for at in itertools.count():
            if at % 40 == 0:
                writer.end("door")
                writer.begin("door", "happy", "anna")
            while writer._work.qsize() > 5:
                time.sleep(1e-4)
            writer.write("door", KeptFrame(at / 5, WALL + at / 5, jpegs[at % len(jpegs)]))
            if at == 20:
                began.set()
