"""Pictures that an H.264 stream has lost as a whole, which its decoder does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_START = b"\x00\x00\x01"
_SLICE, _IDR_SLICE, _SPS = 1, 5, 7
"""Kinds of NAL units (ITU-T H.264, table 7-1)."""
_HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
_HEAD_BYTES = 64
"""More than what is read of a slice or a parameter set."""


class FrameNumbers:
    """Follows the frame numbers of an H.264 stream (7.4.3).

    A picture that others refer to has the number after that of the one before. Where a number
    was left out, later pictures refer to one that never came, and the decoder takes another.
    """

    def __init__(self) -> None:
        self._format: _Format | None = None
        self._last: int | None = None

    @classmethod
    def of(cls, extradata: bytes) -> FrameNumbers | None:
        """Return what follows a stream with this extradata, None where nothing can.

        As in MP4 and FLV, NAL units may have their length before them (avcC), which from 256 to
        511 bytes looks like a start code.
        """
        if extradata[:1] == b"\x01":
            return None
        numbers = cls()
        numbers.misses(extradata)
        return numbers

    def misses(self, packet: bytes) -> bool:
        """Return whether pictures between the packet before and this one are missing.

        Args:
            packet: One coded picture, its NAL units behind start codes (annex B); of another
                format nothing is told.
        """
        for unit in _units(packet):
            kind, is_reference = unit[0] & 31, bool(unit[0] >> 5 & 3)
            if kind == _SPS:
                self._format = _read_format(unit)
            elif kind == _IDR_SLICE:
                self._last = 0
                return False
            elif kind == _SLICE:
                return self._follow(unit, is_reference)
        return False

    def _follow(self, unit: bytes, is_reference: bool) -> bool:
        if self._format is None:
            return False
        number = self._format.frame_number(unit)
        count = 1 << self._format.bits
        misses = self._last is not None and (number - self._last) % count > 1
        if is_reference:
            self._last = number
        elif misses:
            self._last = (number - 1) % count
        return misses


@dataclass(frozen=True, slots=True)
class _Format:
    """What a sequence parameter set says of slices: the bits of a frame number, and two flags."""

    bits: int
    has_planes: bool

    def frame_number(self, unit: bytes) -> int:
        """Return the number in a slice's header (7.3.3)."""
        bits = _Bits(unit)
        for _ in range(3):  # its first macroblock, its type, its picture parameter set
            bits.exp_golomb()
        bits.read(2 * self.has_planes)
        return bits.read(self.bits)


def _read_format(unit: bytes) -> _Format | None:
    """Return what a sequence parameter set says (7.3.2.1.1), None where numbers tell nothing."""
    bits = _Bits(unit)
    profile = bits.read(24) >> 16
    bits.exp_golomb()
    planes = False
    if profile in _HIGH_PROFILES:
        planes = bits.exp_golomb() == 3 and bool(bits.read(1))
        bits.exp_golomb()
        bits.exp_golomb()
        bits.read(1)
        if bits.read(1):  # scaling matrices, which no camera was seen to send
            return None
    number_bits = bits.exp_golomb() + 4
    order = bits.exp_golomb()
    if order == 0:
        bits.exp_golomb()
    elif order == 1:
        bits.read(1)
        bits.exp_golomb()
        bits.exp_golomb()
        for _ in range(min(bits.exp_golomb(), 255)):
            bits.exp_golomb()
    bits.exp_golomb()
    gaps_are_allowed = bool(bits.read(1))
    return None if gaps_are_allowed or number_bits > 16 else _Format(number_bits, planes)


def _units(packet: bytes) -> Iterator[bytes]:
    """Yield the beginning of each NAL unit of a packet."""
    at = packet.find(_START)
    while at >= 0:
        begins = at + len(_START)
        if unit := packet[begins : begins + _HEAD_BYTES]:
            yield unit
        at = packet.find(_START, begins)


class _Bits:
    """The bits after the first byte of a NAL unit; behind their end all are 0."""

    def __init__(self, unit: bytes) -> None:
        payload = unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")  # 7.4.1: emulation prevention
        self._value = int.from_bytes(payload, "big") << 8 * _HEAD_BYTES
        self._left = 8 * (len(payload) + _HEAD_BYTES)

    def read(self, count: int) -> int:
        """Return the next bits as a number."""
        self._left = max(self._left - count, 0)
        return self._value >> self._left & (1 << count) - 1

    def exp_golomb(self) -> int:
        """Return the next number of a length of its own, without sign (9.1)."""
        zeros = 0
        while zeros < 32 and not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)
