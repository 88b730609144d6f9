"""What the page answers about clips of moments: which there are, and what became of one."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fer_core.errors import FerError
from fer_edge.outputs.clips.folder import ClipFolder

SHOWN = 50


def told_clips(folder: ClipFolder, most: str) -> dict[str, Any]:
    """Return the newest clips and how many there are in all, as JSON values.

    Args:
        folder: Where they lie.
        most: How many are wanted at most, as text; SHOWN for what is no number.
    """
    count = int(most) if most.isdecimal() and len(most) < 6 else SHOWN
    clips = folder.clips()
    shown = [{**asdict(clip), "open": folder.is_open(clip.file)} for clip in clips[:count]]
    return {"clips": shown, "all": len(clips), "where": str(folder.path)}


def removed_clip(folder: ClipFolder, name: str) -> tuple[dict[str, Any], HTTPStatus]:
    """Remove a clip; return what is answered."""
    try:
        folder.remove(name)
    except FerError as error:
        return error.to_json(), HTTPStatus.BAD_REQUEST
    return {}, HTTPStatus.OK
