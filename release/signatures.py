"""The shipped models are signed by the release key: checked at each release, signed on demand.

    python release/signatures.py                            fails if one is not
    FER_RELEASE_KEY=FILE python release/signatures.py       signs those that are not

FILE holds the secret half (fer-edge models key FILE makes one). It is never committed. The public
half is in edge/fer_edge/deployment/signing/release_key.py. Signatures are committed like code, so
that a release can be built from the commit without the key.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import sbom
from fer_core.errors import FerError
from fer_edge.deployment.signing.file_signature import sign_file, signer_of
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.deployment.signing.release_key import RELEASE_KEY

VARIABLE = "FER_RELEASE_KEY"
MODELS = Path("edge", "fer_edge", "models")


def unsigned(root: Path) -> list[Path]:
    """Return the shipped models below a folder that the release key did not sign."""
    return [file for file in sorted((root / MODELS).glob("*.tflite")) if not _is_signed(file)]


def require_signed(root: Path) -> None:
    """Make sure that the release key signed all shipped models below a folder.

    Raises:
        FerError: It did not sign some.
    """
    if missing := unsigned(root):
        names = ", ".join(file.name for file in missing)
        raise FerError(
            f"not signed by the release key: {names}. Set {VARIABLE} to the file of the key, and "
            "run it again"
        )


def sign(root: Path, key_file: Path) -> list[Path]:
    """Sign the shipped models that are not signed yet; return them.

    Raises:
        FerError: The file holds another key.
    """
    key = SigningKey.load(key_file)
    if key.public != RELEASE_KEY:
        raise FerError(
            f"{VARIABLE} names another key than release_key.py has: {key.public}. To replace the "
            "release key, write that there first"
        )
    files = unsigned(root)
    for file in files:
        sign_file(file, key)
    return files


def sign_or_require() -> None:
    """Sign what is not signed if there is a key, else make sure that all is.

    Raises:
        FerError: Something is not signed, or was signed now and is to be committed.
    """
    key_file = os.environ.get(VARIABLE)
    if key_file and (files := sign(sbom.ROOT, Path(key_file))):
        sbom.SBOM.write_text(sbom.sbom())
        names = ", ".join(file.name for file in files)
        raise FerError(f"signed {names}: commit them and {sbom.SBOM.name}, then run it again")
    require_signed(sbom.ROOT)


def _is_signed(file: Path) -> bool:
    try:
        return signer_of(file.read_bytes(), file.name) == RELEASE_KEY
    except FerError:
        return False


def main() -> None:
    """Sign or check."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        sign_or_require()
    except FerError as error:
        sys.exit(str(error))
    print("all shipped models are signed by the release key")


if __name__ == "__main__":
    main()
