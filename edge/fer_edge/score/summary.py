"""What a folder of results shows, in numbers and as a picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.text import counted, printable_name
from fer_core.values import UInt8Array
from fer_edge.outputs.lettering import draw_text
from fer_edge.outputs.overlay import colour_of
from fer_edge.score.manifest import FinishedPieces
from fer_edge.score.plan import Plan
from fer_edge.score.progress import sources_done
from fer_edge.score.settings import labels_of
from fer_edge.score.shards import read_faces, shard_file

_MOST_REASONS, _SHOWN_REASONS = 1000, 5
_WIDTH, _TOP, _ROW, _LEFT, _BAR = 900, 90, 44, 150, 520
_PAPER, _INK = 250, (40, 40, 40)


@dataclass(slots=True)
class Summary:
    """Counts of a folder of results.

    Attributes:
        total: How many sources are planned.
        empty: How many show no face.
        labels: How many faces have each label.
        confidence: The sum of their confidences, by label.
        reasons: How many sources could not be read, by reason.
    """

    total: int
    done: int = 0
    frames: int = 0
    empty: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    confidence: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def faces(self) -> int:
        """How many faces there are."""
        return self.labels.total()

    @property
    def title(self) -> str:
        """Sources, frames and faces in one line."""
        done = sources_done(self.done, self.total)
        return f"{done}, {counted(self.frames, 'frame')}, {counted(self.faces, 'face')}"

    def text(self) -> str:
        """Return all of it as lines."""
        lines = [self.title, f"no face: {counted(self.empty, 'source')}"]
        lines += [f"{'label':<14}{'faces':>12}{'share':>8}{'mean confidence':>17}"]
        for label, count in self.labels.most_common():
            mean = self.confidence[label] / max(count, 1)
            share = count / max(self.faces, 1)
            lines.append(f"{label:<14}{count:>12,}{share:>8.1%}{mean:>17.1%}")
        if self.reasons:
            lines.append(f"not read: {counted(self.reasons.total(), 'source')} (errors.parquet)")
            for reason, count in self.reasons.most_common(_SHOWN_REASONS):
                lines.append(f"{count:>12,}  {printable_name(reason)}")
        return "\n".join(lines)


def summarize(out: Path) -> Summary:
    """Return the counts of a folder of results, finished or not; one shard is held at a time.

    Raises:
        FerError: It is none, or a file of it is damaged.
    """
    labels = labels_of(out)
    summary = Summary(Plan(out / "plan").total)
    summary.labels.update(dict.fromkeys(labels, 0))
    for result in FinishedPieces(out).results():
        summary.done += result.count
        summary.frames += result.frames
        summary.empty += result.empty
        for address, reason in result.errors:
            short = reason.replace(address, "it")
            known = len(summary.reasons) < _MOST_REASONS or short in summary.reasons
            summary.reasons[short if known else "others"] += 1
        if result.size:
            file = shard_file(out, result.first, result.count)
            faces = read_faces(file, ("label", "confidence"))
            summary.labels.update(faces["label"])
            for label, sure in zip(faces["label"], faces["confidence"], strict=True):
                summary.confidence[label] += sure
    return summary


def draw_summary(summary: Summary) -> UInt8Array:
    """Return a bar a label, (h, w, 3) uint8 BGR.

    Raises:
        FerError: There is no face to show.
    """
    if not summary.faces:
        raise FerError("there is no face to show yet")
    labels = summary.labels.most_common()
    canvas = np.full((_TOP + _ROW * len(labels) + 30, _WIDTH, 3), _PAPER, np.uint8)
    draw_text(canvas, summary.title, 30, 50, 0.8, _INK, 2)
    for index, (label, count) in enumerate(labels):
        row = _TOP + _ROW * index
        end = _LEFT + max(1, round(_BAR * count / labels[0][1]))
        cv2.rectangle(canvas, (_LEFT, row), (end, row + 28), colour_of(label), cv2.FILLED)
        draw_text(canvas, label, 30, row + 20, 0.55, _INK)
        share = f"{count:,}  {count / summary.faces:.1%}"
        draw_text(canvas, share, end + 12, row + 20, 0.55, _INK)
    return canvas
