"""A model in a temporary file, for what takes a file alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fer_core.errors import FerError


@contextmanager
def temporary_model(content: bytes) -> Iterator[Path]:
    """Give a file with a content, in a folder of its own that goes at the end.

    Raises:
        FerError: It cannot be written, as on a full disk.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            file = Path(folder) / "model.tflite"
            file.write_bytes(content)
        except OSError as error:
            where = error.filename or tempfile.gettempdir()
            raise FerError(f"cannot write {where}: {error.strerror}") from error
        yield file
