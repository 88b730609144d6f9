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
    """Raise ArgumentError where a bundle would replace one that ships with the code."""
    bundles = {path.resolve() for path in shipped_models().values()}
    for path in paths:
        if path.exists() and (path.resolve() in bundles or is_shipped(path)):
            raise ArgumentError(f"{path} is a shipped bundle and stays: write elsewhere with --out")


def of_other_weights(path: Path, source_sha256: str) -> str:
    """Return that the bundle of another network lies in a place, if one does."""
    if not path.exists():
        return ""
    try:
        there = ModelBundle.load(path).manifest.provenance.get("source_sha256")
    except FerError:
        there = None
    if there == source_sha256:
        return ""
    return f"{path} stays: it was made from other weights, or by an earlier version. {_WAY_OUT}"


def of_other_settings(path: Path, bundle: ModelBundle) -> str:
    """Return that a bundle which computes otherwise lies in a place, if one does."""
    try:
        if not path.exists() or ModelBundle.load(path).model == bundle.model:
            return ""
    except FerError:
        return f"{path} stays: it is no bundle that can be read. {_WAY_OUT}"
    return (
        f"{path} stays: it was made from the same weights with other settings, or by another "
        f"TensorFlow. {_WAY_OUT}"
    )
