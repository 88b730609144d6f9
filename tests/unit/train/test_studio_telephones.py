"""How telephones find the studio: the address as a QR code, and the certificate's fingerprint."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.door import Door
from fer_train.studio.telephones import address_json, telephone_words

pytest.importorskip("cryptography")
pytest.importorskip("segno")
TOKEN = "a-token-of-the-tests"


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


def read_blocks(text: str) -> str:
    """Return what a QR code in half blocks says, light ones being lit."""
    rows = []
    for line in text.splitlines():
        rows.append([255 * (each in "█▀") for each in line])
        rows.append([255 * (each in "█▄") for each in line])
    width = max(map(len, rows))
    picture = np.array([row + [0] * (width - len(row)) for row in rows], np.uint8)
    for shown in (picture, 255 - picture):
        large = cv2.resize(shown, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
        framed = cv2.copyMakeBorder(large, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=255)
        if said := cv2.QRCodeDetector().detectAndDecode(framed)[0]:
            return said
    return ""


def test_the_terminal_shows_what_a_telephone_scans_and_compares() -> None:
    door = Door.of(Access(ServeAddress("192.0.2.7", 8600, https=True), TOKEN))
    told = address_json(door)
    assert told["addresses"] == ["https://192.0.2.7:8600/"]
    code, _, rest = telephone_words(door).partition("\nA phone")
    assert read_blocks(code) == "https://192.0.2.7:8600/"
    assert told["fingerprint"] in rest


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (ServeAddress("127.0.0.1", 1, https=True), "--host 0.0.0.0 lets phones in"),
        (ServeAddress("192.0.2.7", 1), ""),
    ],
)
def test_a_page_that_gives_no_telephone_its_camera_shows_no_code(
    address: ServeAddress, words: str
) -> None:
    door = Door.of(Access(address, TOKEN))
    assert address_json(door) == {"addresses": [], "fingerprint": ""}
    assert telephone_words(door).endswith(words)
    assert bool(telephone_words(door)) == bool(words)
