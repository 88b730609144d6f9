"""Sources by URL: what is read of them, and what is written down."""

from __future__ import annotations

import io
from typing import Any
from unittest import mock

import pytest

from fer_core.errors import FerError
from fer_edge.score import remote


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
