"""Who signed a bundle, in words, by the keys that are known here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from fer_core.errors import FerError
from fer_edge.deployment.signing.file_signature import FileSignature, read_file
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.deployment.signing.own_key import own_key_file
from fer_edge.deployment.signing.release_key import RELEASE, RELEASE_KEY
from fer_edge.deployment.signing.trusted import TrustedKeys, named


def verified(file: Path, models: Path) -> str:
    """Return who signed a bundle.

    Args:
        file: The bundle.
        models: The folder of a run, whose keys count if there are some.

    Raises:
        FerError: It is not signed, was changed, or its key is not trusted; or `cryptography` is
            not installed.
    """
    content, trusted = read_file(file), TrustedKeys(models)
    keys = trusted.read()
    keys = _known() if keys is None else keys
    signer = trusted.signer_among(keys, content, str(file))
    return f"{file}: signed by {named(signer, keys[signer])}"


def verify_all(files: Sequence[Path], models: Path) -> Iterator[str]:
    """Yield who signed each of several bundles that are right.

    Args:
        files: The bundles.
        models: The folder of a run, whose keys count if there are some.

    Raises:
        FerError: Some are not right; at the end, with what is wrong with each.
    """
    faults = []
    for file in files:
        try:
            yield verified(file, models)
        except FerError as error:
            faults.append(error)
    if faults:
        raise FerError.joined(faults)


def signed_by(key: str, models: Path) -> list[Path]:
    """Return the bundles of a folder that say a key has signed them."""
    carried = {
        file: FileSignature.read(read_file(file)) for file in sorted(models.glob("*.tflite"))
    }
    return [file for file, signature in carried.items() if signature and signature.key == key]


def _known() -> dict[str, str]:
    """Return the keys that are known where no folder has a list of them."""
    keys = {RELEASE_KEY: RELEASE}
    with suppress(FerError):  # there is none yet
        keys[SigningKey.load(own_key_file()).public] = "you"
    return keys
