"""What is wrong with a camera's pictures: said once, left out, and a reason to open it anew."""

from __future__ import annotations

import logging

from fer_core.values import UInt8Array
from fer_edge.sources.damage import DamageCheck
from fer_edge.sources.picture_check import Damaged, PictureCheck

log = logging.getLogger(__name__)

_MOSTLY_DAMAGED = "mostly damaged pictures"


class PictureFaults:
    """Looks at every picture of one camera, in the order of time."""

    def __init__(self, name: str) -> None:
        """Take what the camera is called in messages."""
        self._name = name
        self._check, self._damage = PictureCheck(), DamageCheck()
        self._told, self._has_told_damage = "", False

    @property
    def damaged(self) -> int:
        """How many pictures came damaged."""
        return self._damage.damaged

    @property
    def withholds(self) -> bool:
        """Whether whole pictures are left out, too: better none than a face that has long gone."""
        return self._told not in {"", _MOSTLY_DAMAGED}

    def look(self, picture: UInt8Array | Damaged, now: float) -> bool:
        """Look at the newest picture; return whether the camera is to be opened anew.

        Args:
            picture: BGR (h, w, 3) uint8, or that it is damaged.
            now: In seconds of any clock.
        """
        is_damaged = isinstance(picture, Damaged)
        fault = _MOSTLY_DAMAGED if self._damage.fault(is_damaged, now) else ""
        if is_damaged and not self._has_told_damage:
            self._has_told_damage = True
            log.warning("%s sent a damaged picture; such are left out and counted", self._name)
        if not isinstance(picture, Damaged):
            fault = self._check.fault(picture, now) or fault
        self._tell_of(fault)
        return bool(fault)

    def _tell_of(self, fault: str) -> None:
        """Say once that the pictures are bad, and once that they are good again."""
        if fault and fault != self._told:
            log.warning("%s gives %s; reopening it now and then", self._name, fault)
            self._told = fault
        elif self._told and self._check.is_well and self._damage.is_well:
            log.warning("%s gives good pictures again", self._name)
            self._told = ""
