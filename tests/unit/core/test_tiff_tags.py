"""Tags of TIFF files laid out by hand (TIFF 6.0, and BigTIFF)."""

from __future__ import annotations

import struct

import pytest

from fer_core.tiff_tags import first_tags

BYTE, SHORT, LONG, RATIONAL, LONG8 = 1, 3, 4, 5, 16


def tiff(order: str, entries: list[tuple[int, int, int, bytes]], after: bytes = b"") -> bytes:
    """Return a classic file; its directory begins at 8, what follows it at 10 + 12 n."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    told = [struct.pack(order + "HHI", t, k, n) + v.ljust(4, b"\0") for t, k, n, v in entries]
    return head + struct.pack(order + "H", len(entries)) + b"".join(told) + after


def big_tiff(order: str, entries: list[tuple[int, int, int, bytes]], after: bytes = b"") -> bytes:
    """Return a BigTIFF file; its directory begins at 16, what follows it at 24 + 20 n."""
    head = b"II+\0" if order == "<" else b"MM\0+"
    head += struct.pack(order + "HHQ", 8, 0, 16)
    told = [struct.pack(order + "HHQ", t, k, n) + v.ljust(8, b"\0") for t, k, n, v in entries]
    return head + struct.pack(order + "Q", len(entries)) + b"".join(told) + after


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_kind_of_number_is_read_in_both_orders(order: str) -> None:
    entries = [
        (258, SHORT, 1, struct.pack(order + "H", 0x1234)),
        (262, BYTE, 1, b"\x07"),
        (274, LONG, 1, struct.pack(order + "I", 0x01020304)),
        (338, SHORT, 2, struct.pack(order + "HH", 5, 6)),
    ]
    wanted = {258: 0x1234, 262: 7, 274: 0x01020304, 338: 5}
    assert first_tags(tiff(order, entries)) == wanted
    assert first_tags(big_tiff(order, entries)) == wanted


@pytest.mark.parametrize("order", ["<", ">"])
def test_of_many_numbers_the_first_is_read_where_they_lie(order: str) -> None:
    numbers = struct.pack(order + "HHH", 16, 8, 4)
    entry = (258, SHORT, 3, struct.pack(order + "I", 8 + 2 + 12))
    assert first_tags(tiff(order, [entry], numbers)) == {258: 16}
    entry = (258, SHORT, 5, struct.pack(order + "Q", 16 + 8 + 20))
    assert first_tags(big_tiff(order, [entry], numbers)) == {258: 16}
    inside = (258, SHORT, 4, struct.pack(order + "HHHH", 9, 8, 7, 6))
    assert first_tags(big_tiff(order, [inside])) == {258: 9}
    large = (258, LONG8, 1, struct.pack(order + "Q", 2**40))
    assert first_tags(big_tiff(order, [large])) == {258: 2**40}
    entry = (258, LONG, 2, struct.pack(order + "I", 22))
    assert first_tags(tiff(order, [entry], struct.pack(order + "II", 70_000, 1))) == {258: 70_000}


def test_numbers_of_other_kinds_are_passed_over() -> None:
    entries = [(282, RATIONAL, 1, struct.pack("<I", 8)), (258, SHORT, 1, b"\x08\0")]
    assert first_tags(tiff("<", entries)) == {258: 8}


def test_a_file_cut_short_tells_what_came_before() -> None:
    whole = tiff("<", [(258, SHORT, 1, b"\x08\0"), (274, SHORT, 1, b"\x06\0")])
    assert first_tags(whole) == {258: 8, 274: 6}
    assert first_tags(whole[:-3]) == {258: 8}
    assert first_tags(whole[:20]) == {258: 8}
    assert first_tags(whole[:19]) == {}
    assert first_tags(whole[:9]) == {}
    assert first_tags(whole[:6]) == {}


def test_a_place_beyond_the_file_is_no_fault_of_ours() -> None:
    good = (258, SHORT, 1, b"\x08\0")
    assert first_tags(tiff("<", [good, (274, SHORT, 3, b"\xff\xff\xff\x7f")])) == {258: 8}
    beyond = (274, SHORT, 9, b"\xff" * 8)
    assert first_tags(big_tiff("<", [good, beyond])) == {258: 8}
    assert first_tags(b"II+\0\x08\0\0\0" + b"\xff" * 8) == {}


def test_a_directory_that_claims_to_be_huge_ends_with_the_file() -> None:
    whole = tiff("<", [(258, SHORT, 1, b"\x08\0")])
    assert first_tags(whole[:8] + b"\xff\xff" + whole[10:]) == {258: 8}


@pytest.mark.parametrize("encoded", [b"", b"II", b"II\0*", b"MM*\0", b"MM\0,", b"JJ*\0\0\0\0\x08"])
def test_other_files_have_no_tags(encoded: bytes) -> None:
    assert first_tags(encoded) == {}


def test_a_plus_in_the_place_of_the_directory_is_no_bigtiff() -> None:
    entry = struct.pack("<HHI", 258, SHORT, 1) + b"\x08\0\0\0"
    assert first_tags(b"II*\0" + b"+\0\0\0" + bytes(35) + b"\x01\0" + entry) == {258: 8}


def test_places_and_counts_have_no_sign() -> None:
    entry = struct.pack("<HHI", 258, SHORT, 1) + b"\x08\0\0\0"
    from_the_end = struct.pack("<i", -14)
    assert first_tags(b"II*\0" + from_the_end + b"\x01\0" + entry) == {}
    whole = big_tiff("<", [(258, SHORT, 1, b"\x08\0")])
    assert first_tags(whole[:16] + b"\xff" * 8 + whole[24:]) == {258: 8}
