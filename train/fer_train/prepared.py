"""What became of photographs that were prepared: each photo's crop, and the summary in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_core.class_folders import CONTACT_SHEET
from fer_core.pictures import animation_note, left_out
from fer_core.values import Face, UInt8Array
from fer_train.check import few_of_a_class

NOT_READ_HERE = "format not read"
RECORD = "prepared.csv"


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPhoto:
    """One photo: where it is below the folder of photos, its crop, or why there is none.

    Attributes:
        crop: (height, width, channels) uint8 as a model takes it, None for a photo left out.
        face: What was cropped.
        split: Train or test where a test set was split off.
        animated: Whether the file holds further pictures, at which nobody looked.
    """

    path: Path
    label: str
    crop: UInt8Array | None
    face: Face | None = None
    reason: str = ""
    split: str = ""
    animated: bool = False


@dataclass(frozen=True, slots=True)
class PreparedFolder:
    """What became of a folder of photos."""

    out: Path
    photos: tuple[PreparedPhoto, ...]
    others: str = ""
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Return counts by class, and of what was left out by reason."""
        cropped = Counter(photo.label for photo in self.photos if photo.crop is not None)
        reasons = left_out_reasons(self.photos)
        classes = ", ".join(f"{label} {n}" for label, n in sorted(cropped.items()))
        lines = [
            f"{cropped.total()} of {len(self.photos)} photos cropped into {self.out}: {classes}"
        ]
        tested = Counter(photo.label for photo in self.photos if photo.split == "test")
        if tested:
            parts = ", ".join(f"{label} {n}" for label, n in sorted(tested.items()))
            lines.append(f"{tested.total()} of these are the test set: {parts}")
        lines += self.notes
        labels = sorted({photo.label for photo in self.photos if photo.label})
        learned = {label: cropped[label] - tested[label] for label in labels}
        lines += few_of_a_class(learned)
        if reasons:
            lines.append(f"{len(self.photos) - cropped.total()} left out: {reasons}")
        if unread := formats_not_read(self.photos):
            lines.append(unread)
        lines += [animation_note(photo.path) for photo in self.photos if photo.animated][:1]
        if self.others:
            lines.append(f"not looked at: {self.others}")
        return "\n".join([*lines, f"look at {self.out / CONTACT_SHEET}; each photo is in {RECORD}"])


def left_out_reasons(photos: Sequence[PreparedPhoto]) -> str:
    """Return how many photos were left out, by reason."""
    reasons = Counter(photo.reason for photo in photos if photo.crop is None)
    return ", ".join(f"{reason} {n}" for reason, n in reasons.most_common())


def formats_not_read(photos: Sequence[PreparedPhoto]) -> str:
    """Return which formats were not read, and what converts them; nothing where all were."""
    unread = left_out(photo.path for photo in photos if photo.reason == NOT_READ_HERE)
    return f"{NOT_READ_HERE}: {unread}" if unread else ""
