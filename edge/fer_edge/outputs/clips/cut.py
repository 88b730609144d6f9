"""What still plays of a clip whose writing was cut off by a power cut or a kill."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, BinaryIO

from fer_edge.outputs.encoding import load_pyav

MOST_READ_BYTES = 64 << 20
"""How much of a file is read for its length; the length of a larger one stays unknown."""


def keep_whole_pieces(path: Path) -> None:
    """Cut off what comes after the last whole piece of an MP4: FFmpeg opens no file with a part.

    Raises:
        OSError: The file cannot be read or cut.
    """
    with path.open("r+b") as file:
        length = file.seek(0, 2)
        whole = at = 0
        while box := _box(file, at, length):
            kind, at = box
            if kind != b"moof":  # its pictures come in the box after it
                whole = at
        if whole < length:
            file.truncate(whole)


def _box(file: BinaryIO, at: int, length: int) -> tuple[bytes, int] | None:
    """Return kind and end of the box of ISO 14496-12 that begins at `at`; None if it is cut off.

    After a power cut a file may end in zeros. H.264 never does.
    """
    file.seek(at)
    head = file.read(16)
    size, kind, smallest = int.from_bytes(head[:4], "big"), head[4:8], 8
    if size == 1:
        size, smallest = int.from_bytes(head[8:], "big"), 16
    if len(kind) < 4 or not kind.isalnum() or not smallest <= size <= length - at:
        return None
    if kind == b"mdat":
        file.seek(at + size - 1)
        if file.read(1) == b"\0":
            return None
    return kind, at + size


def playable_seconds(path: Path) -> float | None:
    """Return how long a video plays.

    Returns:
        Seconds, 0 where they are not known; None where nothing plays.

    Raises:
        FerError: PyAV is not installed.
    """
    av = load_pyav()
    try:
        with av.open(str(path)) as container:
            videos = container.streams.video
            if not videos or not videos[0].codec_context:  # PyAV before 17 crashes at such a one
                return None
            if next(container.decode(video=0), None) is None:
                return None
            return _seconds(av, container) if path.stat().st_size <= MOST_READ_BYTES else 0.0
    except (av.error.InvalidDataError, av.error.EOFError, IndexError):
        return None
    except (av.error.FFmpegError, OSError):  # who knows: it is not for us to remove it
        return 0.0


def _seconds(av: Any, container: Any) -> float:
    """Return when the last picture of an open video is shown."""
    stream, last = container.streams.video[0], 0
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            last = max(last, packet.pts or 0)
    return round(float(last * stream.time_base), 3)
