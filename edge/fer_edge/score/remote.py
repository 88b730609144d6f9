"""Sources by URL, as fsspec names them: s3://, gs://, https:// and others."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer_core.errors import FerError
from fer_core.pictures import MOST_BYTES
from fer_edge.score.addresses import WEB, without_secrets, without_secrets_in

_CHUNK = 1 << 20
_GONE = (404, 410)
_NEEDS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}
_MARKS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated")


def listed(url: str) -> Iterator[tuple[str, str]]:
    """Yield address and version of what a URL names: an object, all below a prefix, or a pattern.

    Web servers have no listing that means the same everywhere: of them a URL is one source.

    Raises:
        FerError: There is nothing, or the store cannot be reached.
    """
    scheme = url.partition("://")[0]
    if scheme in WEB:
        yield url, ""
        return
    with _in_words(url):
        store, path = _opened(url)
        if "*" in path or "[" in path:
            found = store.glob(path, detail=True)
            each = [fact for fact in found.values() if fact.get("type") != "directory"]
        elif store.isdir(path):
            yield from _below(store, path)
            return
        else:
            each = [store.info(path)]
    if not each:
        raise FerError(f"nothing matches {without_secrets(url)}")
    for fact in each:
        yield store.unstrip_protocol(fact["name"]), _version(fact)


def read_bytes(url: str) -> bytes:
    """Return the content of a picture by URL.

    Raises:
        FerError: It is not there, too large, or the store does not answer.
    """
    with _in_words(url):
        store, path = _opened(url)
        with store.open(path, "rb", block_size=0 if _is_web(url) else None) as opened:
            content = bytearray()  # one read() of a web server gives what has come so far
            while len(content) <= MOST_BYTES and (chunk := opened.read(_CHUNK)):
                content += chunk
    if len(content) > MOST_BYTES:
        raise FerError(f"larger than {MOST_BYTES / 1e6:.0f} MB")
    return bytes(content)


def fetch(url: str, file: Path) -> None:
    """Copy a video by URL into a file.

    Raises:
        FerError: It is not there, or the store does not answer.
        OSError: There is no room for it here.
    """
    with _in_words(url):
        store, path = _opened(url)
        store.get_file(path, str(file))


def _below(store: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield what lies below a prefix, a level at a time."""
    for _, _, files in store.walk(path, detail=True):
        for fact in files.values():
            if fact["name"].rstrip("/") != path.rstrip("/"):  # a marker of the prefix itself
                yield store.unstrip_protocol(fact["name"]), _version(fact)


def _opened(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise FerError(f"{without_secrets(url)} needs fsspec: pip install '.[score]'") from error
    store, path = url_to_fs(url, use_listings_cache=False) if not _is_web(url) else url_to_fs(url)
    return store, path


def _is_web(url: str) -> bool:
    return url.partition("://")[0] in WEB


def _version(fact: dict[str, Any]) -> str:
    mark = next((str(fact[name]) for name in _MARKS if fact.get(name)), "")
    return f"{fact.get('size', '')}-{mark}"


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    """Raise FerError for whatever a store raises: each has errors of its own."""
    name = without_secrets(url)
    try:
        yield
    except FerError:
        raise
    except FileNotFoundError as error:
        if _is_web(url) and (why := _why_not_found(error)):
            raise FerError(f"{name} cannot be read: {why}") from error
        raise FerError(f"there is nothing at {name}") from error
    except ImportError as error:
        package = _NEEDS.get(url.partition("://")[0], "the package that fsspec names")
        raise FerError(f"{name} needs {package}: pip install {package} ({error})") from error
    except Exception as error:  # of botocore, aiohttp, google.auth, ...
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise FerError(f"{name} cannot be read: {_told(error)}") from error


def _why_not_found(error: FileNotFoundError) -> str:
    """Return why a web server gave nothing; empty where it says that there is nothing.

    fsspec calls every failure so: a server that does not answer, and one that refuses, too.
    """
    cause = error.__cause__
    if cause is None or getattr(cause, "status", 0) in _GONE:
        return ""
    return _told(cause)


def _told(error: BaseException) -> str:
    """Return what a library says in a line without secrets."""
    status = getattr(error, "status", 0)
    if status:
        return f"the server answers {status} {getattr(error, 'message', '')}".rstrip()
    return without_secrets_in(" ".join(str(error).split()))[:300] or type(error).__name__
