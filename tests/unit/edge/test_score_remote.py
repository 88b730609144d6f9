"""Sources by URL: what is read of them, and what is written down."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from fer_core.errors import FerError

pytest.importorskip("pyarrow", reason="pyarrow is not installed: extra [score]")

from fer_edge.score import remote, worker
from fer_edge.score.addresses import without_secrets
from fer_edge.score.plan import Piece, Plan
from fer_edge.score.sources import Source


class Slow(io.BytesIO):
    """Gives at most 300,000 bytes a read, as the connection to a web server may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(300_000 if size is None or size < 0 else min(size, 300_000))


def read_of(content: bytes) -> bytes:
    store: Any = mock.Mock(open=lambda *_, **__: Slow(content))
    with mock.patch.object(remote, "_opened", lambda url: (store, url)):
        return remote.read_bytes("https://there/a.jpg")


def test_a_picture_that_comes_in_parts_is_read_to_its_end() -> None:
    content = bytes(range(256)) * 10_000
    assert read_of(content) == content


def test_a_picture_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_BYTES", 1_000_000)
    assert len(read_of(bytes(1_000_000))) == 1_000_000
    with pytest.raises(FerError, match="larger than 1 MB"):
        read_of(bytes(1_000_001))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/a/b:c@d?sig=1.jpg", "/a/b:c@d?sig=1.jpg"),
        ("https://me:pw@there:8000/a@b.jpg", "https://there:8000/a@b.jpg"),
        ("https://there/a.jpg?id=3&size=1", "https://there/a.jpg?id=3&size=1"),
        ("https://there/a?id=3&X-Amz-Date=1&X-Amz-Signature=5e", "https://there/a?id=3"),
        ("https://there/a.jpg?X-Goog-Signature=5e", "https://there/a.jpg"),
        ("https://there/a.jpg?sv=1&sp=r&sig=5e", "https://there/a.jpg"),
        ("https://there/a.jpg?sp=r", "https://there/a.jpg?sp=r"),
        ("sftp://me:pw@there/a.jpg", "sftp://me@there/a.jpg"),
        ("s3://bucket/a?token=1@2.jpg", "s3://bucket/a?token=1@2.jpg"),
    ],
)
def test_an_address_is_shown_without_secrets(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_a_message_of_a_store_shows_no_secrets() -> None:
    url = "https://me:pw@there/a.jpg?X-Amz-Signature=5e"
    told = mock.Mock(side_effect=ValueError(f"503, message='busy', url='{url}'"))
    with mock.patch.object(remote, "_opened", told), pytest.raises(FerError) as raised:
        remote.read_bytes(url)
    shown = "https://there/a.jpg"
    assert str(raised.value) == f"{shown} cannot be read: 503, message='busy', url='{shown}'"


class HttpError(Exception):
    """Stands for those of aiohttp."""

    def __init__(self, text: str, status: int = 0, message: str = "") -> None:
        super().__init__(text)
        self.status, self.message = status, message


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (None, "there is nothing at https://there/a.jpg"),
        (HttpError("404", 404, "Not Found"), "there is nothing at https://there/a.jpg"),
        (HttpError("403", 403, "Forbidden"), "cannot be read: the server answers 403 Forbidden"),
        (HttpError("503", 503), "cannot be read: the server answers 503"),
        (HttpError("Cannot connect to there:443"), "cannot be read: Cannot connect to there:443"),
    ],
)
def test_a_web_server_that_fails_is_not_one_without_the_picture(
    cause: Exception | None, said: str
) -> None:
    """Whatever goes wrong, fsspec raises FileNotFoundError."""
    gone = FileNotFoundError("https://there/a.jpg")
    gone.__cause__ = cause
    with (
        mock.patch.object(remote, "_opened", mock.Mock(side_effect=gone)),
        pytest.raises(FerError) as raised,
    ):
        remote.read_bytes("https://there/a.jpg?X-Amz-Signature=5e")
    assert str(raised.value).endswith(said)


def test_a_link_that_is_signed_anew_is_the_same_source(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "plan")
    first, second = (f"https://there/a.jpg?Signature={day}&Expires={day}" for day in (1, 2))
    assert plan.extend([Source(first)], [first]).new == 1
    assert plan.extend([Source(second)], [second]).new == 0
    assert plan.words == ["https://there/a.jpg"]
    (piece,) = plan.pieces({})
    assert piece.sources[0].address == first  # it is read with its signature
    if os.name == "posix":
        assert (tmp_path / "plan" / "0000").stat().st_mode & 0o077 == 0


def test_errors_name_a_source_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = mock.Mock(frames=mock.Mock(side_effect=FerError("gone")))
    monkeypatch.setattr(worker, "_reader", lambda how: gone)
    piece = Piece(0, (Source("https://there/a.jpg?Signature=5e"),))
    result = worker.Scoring("/nowhere", "haar", 1.0).score(piece)
    assert result.errors == (("https://there/a.jpg", "gone"),)


def test_an_error_of_a_video_names_its_address_not_the_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = object.__new__(worker._Reader)  # neither detector nor network is needed
    reader._every = 1.0
    monkeypatch.setattr(worker, "_reader", lambda how: reader)
    monkeypatch.setattr(worker, "fetch", lambda url, file: file.write_bytes(b"no video"))
    piece = Piece(0, (Source("https://there/clip.mp4?Signature=5e"),))
    (told,) = worker.Scoring("/nowhere", "haar", 1.0).score(piece).errors
    why = "is no video that OpenCV can read: empty, damaged or of an unknown format"
    assert told == ("https://there/clip.mp4", f"https://there/clip.mp4 {why}")
