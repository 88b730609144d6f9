"""Who signed a bundle, in words, by the keys that are known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from fer_core.errors import FerError
from fer_edge.deployment.signing.file_signature import (
    FileSignature,
    UnsignedError,
    read_file,
    signer_of,
)
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.deployment.signing.own_key import own_key_file
from fer_edge.deployment.signing.release_key import RELEASE, RELEASE_KEY
from fer_edge.deployment.signing.trusted import TrustedKeys, named


def verify_files(files: Iterable[Path], models: Path, show: Callable[[str], None]) -> None:
    """Show who signed each bundle.

    Args:
        files: The bundles.
        models: The folder of a run, whose keys count if there are some.
        show: What gets a line for each bundle that is signed by a known key.

    Raises:
        FerError: Names, once all were read, what is wrong with the others.
    """
    faults = []
    for file in files:
        try:
            show(verified(file, models))
        except FerError as error:
            faults.append(str(error))
    if faults:
        raise FerError("\n".join(faults))


def verified(file: Path, models: Path) -> str:
    """Return who signed a bundle.

    Args:
        file: The bundle.
        models: The folder of a run, whose keys count if there are some.

    Raises:
        FerError: It is not signed, was changed, or its key is not known; or `cryptography` is not
            installed.
    """
    content, trusted = read_file(file), TrustedKeys(models)
    keys = trusted.read()
    if keys is not None:
        trusted.require(content, str(file))
    try:
        signer = signer_of(content, str(file))
    except UnsignedError as error:
        raise FerError(f"{error}: if you made it, fer-edge models sign {file}") from error
    known = _known() if keys is None else keys
    if signer not in known:
        raise FerError(
            f"{file} is signed by {signer}, a key that is not known here. If you know it: "
            f"{trusted.how_to_trust(signer)}"
        )
    return f"{file}: signed by {named(signer, known[signer])}"


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
