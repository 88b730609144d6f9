"""What already lies where a bundle is to be written: which of it stays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fer_core.bundle import ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_edge.inference.models import shipped_models
from fer_train.run_facts import is_shipped

_WAY_OUT = "Write elsewhere with --out, or replace it with --overwrite"


def require_not_shipped(paths: Iterable[Path]) -> None:
    """Make sure that no bundle would replace one that ships with the code.

    Raises:
        ArgumentError: One would.
    """
    bundles = {path.resolve() for path in shipped_models().values()}
    for path in paths:
        if path.exists() and (path.resolve() in bundles or is_shipped(path)):
            raise ArgumentError(f"{path} is a shipped bundle and stays: write elsewhere with --out")


def reason_to_keep(path: Path, source_sha256: str) -> str:
    """Return why the bundle that lies in a place stays: it is another network's; or nothing."""
    if not path.exists():
        return ""
    there = _bundle_at(path)
    if there and there.manifest.provenance.get("source_sha256") == source_sha256:
        return ""
    return f"{path} stays: it was made from other weights, or by an earlier version. {_WAY_OUT}"


def answers_alike(path: Path, bundle: ModelBundle) -> bool:
    """Return whether the bundle in a place gives the same answers to the same pictures."""
    there = _bundle_at(path)
    return there is not None and there.answers_as(bundle)


def differs_from(path: Path) -> str:
    """Return that the bundle in a place stays since the new one would answer otherwise."""
    return (
        f"{path} stays: it was made from the same weights with other settings or data, or by "
        f"another TensorFlow. {_WAY_OUT}"
    )


def _bundle_at(path: Path) -> ModelBundle | None:
    try:
        return ModelBundle.load(path)
    except FerError:
        return None
