"""What an archive is made of: files, folders, patterns, lists and URLs as single sources."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fer_core.errors import FerError
from fer_core.pictures import NOT_READ, PICTURE_SUFFIXES, VIDEO_SUFFIXES, is_junk
from fer_core.text import printable_name
from fer_edge.score.addresses import without_secrets

LIST_SUFFIX = ".txt"
_NAMED_FOLDERS = 20
_SUFFIXES = PICTURE_SUFFIXES | VIDEO_SUFFIXES


@dataclass(frozen=True, slots=True)
class Source:
    """A picture or a video.

    Attributes:
        address: An absolute path, or a URL.
        version: Size and time of the last change, or ETag; empty where listing does not tell.
    """

    address: str
    version: str = ""

    @property
    def name(self) -> str:
        """The address without secrets: it alone says which source it is, here and in results."""
        return without_secrets(self.address)

    @property
    def is_video(self) -> bool:
        """Whether its name is that of a video."""
        return suffix_of(self.address) in VIDEO_SUFFIXES

    @property
    def is_remote(self) -> bool:
        """Whether it is a URL."""
        return is_url(self.address)


def is_url(word: str) -> bool:
    """Return whether a word is a URL, not a path."""
    scheme, there, _ = word.partition("://")
    return bool(there) and scheme.replace("+", "").replace("-", "").isalnum()


def full_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return what was typed with absolute paths: it means the same from every folder."""
    return tuple(word if is_url(word) else os.path.abspath(word) for word in words)


class Listing:
    """The sources that words name, one after another; nothing is kept.

    Attributes:
        left_out: How many files of folders and patterns are no pictures or videos, by reason;
            and folders below a word that cannot be listed.
    """

    def __init__(self, words: Sequence[str], without: Path) -> None:
        """Take the words.

        Args:
            words: Files, folders, patterns, lists (.txt) and URLs.
            without: A folder that is left out: where the results go.
        """
        self._words, self._without = words, os.path.realpath(without)
        self.left_out: Counter[str] = Counter()
        self._unlisted = 0

    def __iter__(self) -> Iterator[Source]:
        """Yield the sources; what is given twice comes twice.

        Raises:
            FerError: A word names nothing, or its folder or bucket cannot be listed.
        """
        for word in self._words:
            yield from self._named(word)

    def _named(self, word: str) -> Iterator[Source]:
        if is_url(word):
            yield from self._remote(word)
            return
        path = _real(word)
        if os.path.isdir(path):
            yield from self._in_folder(os.path.realpath(path), typed=True)
        elif path.lower().endswith(LIST_SUFFIX) and os.path.isfile(path):
            yield from _in_list(path)
        elif os.path.exists(path):
            yield _file(path)
        elif glob.has_magic(word):
            yield from self._matching(word)
        else:
            raise FerError(f"there is no {word}: give pictures, videos, folders, lists or URLs")

    def _matching(self, pattern: str) -> Iterator[Source]:
        found = False
        for name in glob.iglob(pattern, recursive=True):
            path = _real(name)
            if path.startswith(os.path.join(self._without, "")):
                continue
            found = True
            if os.path.isdir(path):
                continue  # its files match by themselves where ** is meant
            if self._wanted(path):
                yield _file(path)
        if not found:
            raise FerError(f"nothing matches {pattern}")

    def _in_folder(self, folder: str, typed: bool = False) -> Iterator[Source]:
        """Yield what a folder and those below it hold, in the order of the file system."""
        if folder == self._without:
            return
        below: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if is_junk(Path(entry.name)):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
                    elif entry.is_file() and self._wanted(entry.name):
                        yield _file(entry.path)
        except OSError as error:
            if typed:
                raise FerError(f"cannot list {folder}: {error.strerror}") from error
            self._leave_out(folder, error.strerror or str(error))
        for each in sorted(below):
            yield from self._in_folder(each)

    def _leave_out(self, folder: str, reason: str) -> None:
        """Name a folder that cannot be listed, such as lost+found; of many only the first ones."""
        self._unlisted += 1
        name = printable_name(folder) if self._unlisted <= _NAMED_FOLDERS else "others"
        self.left_out[f"folder that cannot be listed: {name} ({reason})"] += 1

    def _remote(self, url: str) -> Iterator[Source]:
        from fer_edge.score.remote import listed

        named = url.partition("://")[2]
        for address, version in listed(url):
            if address.endswith(named) or self._wanted(address):
                yield Source(address, version)

    def _wanted(self, name: str) -> bool:
        suffix = suffix_of(name)
        if suffix in _SUFFIXES:
            return True
        self.left_out[NOT_READ.get(suffix, "neither picture nor video")] += 1
        return False


def _in_list(path: str) -> Iterator[Source]:
    """Yield a source a line; paths are taken from the folder where the command runs."""
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as lines:
            for line in lines:
                word = line.rstrip("\r\n")
                if is_url(word):
                    yield Source(word)
                elif word.strip():
                    yield _file(_real(os.path.abspath(word)))
    except OSError as error:
        raise FerError(f"cannot read the list {path}: {error.strerror}") from error


def _file(path: str) -> Source:
    """Return a file as a source, also one that is gone: reading it will say so."""
    try:
        return Source(path, _version(os.stat(path)))
    except OSError:
        return Source(path)


def _real(path: str) -> str:
    """Return a path whose folder has one spelling; a link in its last place stays."""
    folder, name = os.path.split(path)
    return os.path.join(_real_folder(folder), name)


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _version(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}"


def suffix_of(address: str) -> str:
    """Return how a name ends, in small letters; of a URL without what follows a question mark."""
    return os.path.splitext(address.partition("?")[0] if is_url(address) else address)[1].lower()
