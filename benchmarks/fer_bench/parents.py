"""Which float32 bundle a model was quantized from: label flips count against that one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fer_bench.rival import is_rival
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.manifest import ModelManifest


def find_parent(
    path: Path, bundle: ModelBundle, others: Sequence[tuple[Path, ModelBundle]], named: Path | None
) -> Path | None:
    """Return the float32 bundle to count flips by: the one named, else that of the same network.

    It lies beside the model or among the others.

    Args:
        path: Where the model lies.
        bundle: The model.
        others: The other models that are measured, with their places.
        named: The bundle that was named; None without one.

    Returns:
        Its place; None where there is none, and for the rival.
    """
    manifest = bundle.manifest
    if is_rival(bundle):
        return None
    if named or manifest.recipe == "float32":
        return named
    beside = path.with_name(f"{manifest.name}-float32.tflite")
    if beside.exists() and _same_network(_manifest_of(beside), manifest):
        return beside
    for other, its in others:
        if its.manifest.recipe == "float32" and _same_network(its.manifest, manifest):
            return other
    return None


def _manifest_of(path: Path) -> ModelManifest | None:
    """Return the manifest of a bundle, None where it is damaged."""
    try:
        return ModelBundle.load(path).manifest
    except FerError:
        return None


def _same_network(one: ModelManifest | None, other: ModelManifest) -> bool:
    """Return whether two bundles come from one Keras model: by the SHA-256 of its weights.

    Bundles of earlier versions hold none: there by their names and the model's answers in both.
    """
    if one is None:
        return False
    sources = [each.provenance.get("source_sha256") for each in (one, other)]
    if any(sources):
        return sources[0] == sources[1]
    classes = [each.provenance.get("parent_classes", "").split() for each in (one, other)]
    alike = sum(a == b for a, b in zip(*classes, strict=False))
    return (
        one.name == other.name
        and len(classes[0]) == len(classes[1])
        and alike >= 0.99 * len(classes[0])  # equal but for ties on another processor
    )
