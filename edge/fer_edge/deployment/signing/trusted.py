"""The keys whose models a device takes: a text file in its folder of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fer_core.errors import ArgumentError, FerError
from fer_core.files import make_folder, write_text
from fer_core.locks import alone_in
from fer_core.text import is_plain_name, typed
from fer_edge.deployment.signing.file_signature import UnsignedError, signer_of
from fer_edge.deployment.signing.keys import canonical_key, require_cryptography
from fer_edge.deployment.signing.release_key import RELEASE, RELEASE_KEY

TRUSTED_FILE = "trusted_keys"
_LOCK, _LOCK_SECONDS = ".fer-trust", 2.0
_HEAD = "# Keys whose models are taken here, a line each: KEY NAME. See fer-edge models trust.\n"
_MOST_LETTERS = 100


class TrustedKeys:
    """The keys that the operator of a device added. Without the file every model is taken."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / TRUSTED_FILE

    def read(self) -> dict[str, str] | None:
        """Return the name of each key, None where signatures are not demanded.

        Raises:
            FerError: The file cannot be read: no model may be taken then.
        """
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise FerError(f"cannot read {self._file}: {error}") from error
        keys = {}
        for number, line in enumerate(lines, 1):
            text, _, name = line.strip().partition(" ")
            if text and not text.startswith("#"):
                if not (key := canonical_key(text)):
                    raise FerError(f"line {number} of {self._file} must be KEY NAME: no key there")
                keys[key] = "" if _is_false(name.strip(), key) else name.strip()
        return keys

    def require(self, content: bytes, what: str) -> None:
        """Make sure that a model may be taken here.

        Args:
            content: Its file.
            what: What messages call it.

        Raises:
            FerError: Signatures are demanded, and it has none of a key that is trusted.
        """
        if (keys := self.read()) is not None:
            self.signer_among(keys, content, what)

    def signer_among(self, keys: Mapping[str, str], content: bytes, what: str) -> str:
        """Return the key that has signed a model, one of those that are trusted.

        Args:
            keys: What `read` returns.
            content: The file of the model.
            what: What messages call it.

        Raises:
            FerError: It has no signature of one of them.
        """
        try:
            signer = signer_of(content, what)
        except UnsignedError as error:
            raise FerError(
                f"{what} is not signed. Sign it where it was made: "
                "fer-edge models sign FILE.tflite",
                see="model-unsigned",
            ) from error
        if signer not in keys:
            raise FerError(
                f"{what} is signed by {signer}, a key that is not trusted here. If you know it: "
                f"{self.how_to_trust(signer)}",
                see="signer-unknown",
            )
        return signer

    def how_to_trust(self, key: str) -> str:
        """Return the command that adds a key."""
        known = RELEASE if key == RELEASE_KEY else key
        return f"fer-edge models trust {known} --models {typed(self._folder.resolve())}"

    def trust(self, word: str, name: str = "") -> str:
        """Add a key, or give one another name; return it.

        Args:
            word: Its 44 characters, or "release" for the one that signs the shipped models.
            name: What it is called, "" for no name; the key of releases has one.

        Raises:
            ArgumentError: It is no key, or another one is called so.
            FerError: The file cannot be read or written, or `cryptography` is not installed.
        """
        require_cryptography()
        key = RELEASE_KEY if word == RELEASE else canonical_key(word)
        name = name or (RELEASE if key == RELEASE_KEY else "")
        if not key:
            raise ArgumentError(
                f"{word!r} is no key: give the 44 characters that fer-edge models key prints where "
                "models are made, or release"
            )
        if name and (not is_plain_name(name) or len(name) > _MOST_LETTERS):
            raise ArgumentError(f"a key cannot be called {name!r}")
        if _is_false(name, key):
            raise ArgumentError(f"only the key of releases is called {RELEASE}: another --name")
        with self._changing() as keys:
            if name and any(each != key and its == name for each, its in keys.items()):
                raise ArgumentError(
                    f"another key is called {name}: choose another --name, or first "
                    f"fer-edge models forget {typed(name)}"
                )
            keys[key] = name
        return key

    def forget(self, word: str) -> str:
        """Remove a key; return it. The file stays: with no key in it, no model is taken.

        Args:
            word: The key, or its name.

        Raises:
            FerError: There is none, or several have that name, or the file cannot be read or
                written.
        """
        with self._changing() as keys:
            found = [
                key for key, name in keys.items() if word == name or canonical_key(word) == key
            ]
            if not found:
                known = ", ".join(named(key, name) for key, name in keys.items()) or "none"
                raise FerError(f"no key {word!r} is trusted here; there are: {known}")
            if len(found) > 1:
                raise FerError(
                    f"{len(found)} keys are called {word}: give the key, {' or '.join(found)}"
                )
            del keys[found[0]]
        return found[0]

    def told(self) -> str:
        """Return which models are taken, "" for every model."""
        try:
            keys = self.read()
            if keys is None:
                return ""
            require_cryptography()
        except FerError as error:
            return f"no model is taken: {error}"
        if not keys:
            return (
                f"no model is taken into {self._folder}: no key is trusted any more. To take every "
                f"model again, delete {self._file}"
            )
        who = ", ".join(name or key for key, name in keys.items())
        return f"only models signed by {who} are taken into {self._folder}"

    @contextmanager
    def _changing(self) -> Iterator[dict[str, str]]:
        """Yield the keys, which may be changed; write them at the end."""
        folder = make_folder(self._folder)
        with alone_in(folder, "fer-edge", "wait for it, then try again", _LOCK, _LOCK_SECONDS):
            keys = self.read() or {}
            yield keys
            lines = [f"{key} {name}".rstrip() + "\n" for key, name in keys.items()]
            write_text(self._file, _HEAD + "".join(lines))


def named(key: str, name: str) -> str:
    """Return a key as it is shown."""
    return f"{name} {key}" if name else key


def _is_false(name: str, key: str) -> bool:
    """Return whether another key has the name of the one that signs releases."""
    return name == RELEASE and key != RELEASE_KEY
