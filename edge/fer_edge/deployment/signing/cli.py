"""The commands fer-edge models key, sign, verify, trust and forget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_core.logs import talk
from fer_edge.deployment import DEFAULT_FOLDER

Folder = Annotated[Path, typer.Option("--models", help="The folder that a run has.")]
KeyFile = Annotated[
    Path | None, typer.Argument(help="Where the secret key is, or will be; without, your own.")
]
Bundles = Annotated[list[str], typer.Argument(metavar="FILE...", help="Bundles, or shipped names.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Bundles; they are replaced.")]


def key(file: KeyFile = None) -> None:
    """Print your public key, which devices need. The first call makes your secret key."""
    from fer_edge.deployment.signing.keys import SigningKey
    from fer_edge.deployment.signing.own_key import own_key, own_key_file

    if file is None:
        secret, place = own_key()[0], own_key_file()
    else:
        secret, place = SigningKey.load(file) if file.exists() else SigningKey.make(file), file
    print(secret.public)
    talk(False)(
        f"on each device: fer-edge models trust {secret.public}\n"
        f"{place} is secret: who has it can sign models for each device that trusts this key"
    )


def sign(
    files: Files,
    key: Annotated[Path | None, typer.Option(help="Another key than your own.")] = None,
) -> None:
    """Sign bundles. A signature that a bundle has already is replaced."""
    from fer_core.bundle import ModelBundle
    from fer_edge.deployment.signing.file_signature import sign_file
    from fer_edge.deployment.signing.keys import SigningKey
    from fer_edge.deployment.signing.own_key import own_key

    secret = SigningKey.load(key) if key else own_key()[0]
    for file in files:
        ModelBundle.load(file)  # a damaged one is not signed
        sign_file(file, secret)
        print(f"{file}: signed by {secret.public}")


def verify(files: Bundles, models: Folder = DEFAULT_FOLDER) -> None:
    """Say who signed bundles.

    The exit code is 1 if one is not signed by a key that is trusted here. These are the keys that
    the folder trusts. Without such a list they are your own key and that of releases.
    """
    from fer_edge.deployment.folder import existing_folder
    from fer_edge.deployment.signing.verifying import verify_all
    from fer_edge.inference.models import shipped_models

    if models != DEFAULT_FOLDER:
        existing_folder(models)
    shipped = shipped_models()
    for line in verify_all([shipped.get(word) or Path(word) for word in files], models):
        print(line)


def trust(
    key: Annotated[str, typer.Argument(help="What fer-edge models key prints, or: release.")],
    name: Annotated[str, typer.Option(help="What to call it, such as laptop.")] = "",
    models: Folder = DEFAULT_FOLDER,
) -> None:
    """Trust a key. From the first one on, only models that a trusted key signed are taken."""
    from fer_edge.deployment.folder import existing_folder
    from fer_edge.deployment.signing.trusted import TrustedKeys

    folder = existing_folder(models)
    trusted = TrustedKeys(folder.path)
    trusted.trust(key, name)
    print(trusted.told())
    if not folder.was_used:
        print(f"no run has used {models.resolve()} yet: is it the folder of --models?")


def forget(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key, or its name.")],
    models: Folder = DEFAULT_FOLDER,
) -> None:
    """Stop trusting a key. Models that are here already stay."""
    from fer_edge.deployment.folder import existing_folder
    from fer_edge.deployment.signing.trusted import TrustedKeys
    from fer_edge.deployment.signing.verifying import signed_by

    folder, trusted = existing_folder(models), TrustedKeys(models)
    forgotten = trusted.forget(key)
    print(trusted.told())
    running = models / folder.state().running.place
    for file in signed_by(forgotten, models):
        told = "is in use; fer-edge models back returns to the one before"
        print(f"{file} was signed by it and {told if file == running else 'stays'}")
