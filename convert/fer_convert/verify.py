"""Looking at a finished bundle again, anywhere a TFLite runtime is: needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_convert.contents import can_read_files, read_contents
from fer_convert.runtimes import is_newer
from fer_core.bundle import ModelBundle
from fer_core.data_settings import DataSettings, with_held_out
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.metrics import paired_difference
from fer_core.tolerance import exceeds
from fer_core.typed_json import convert_json
from fer_core.values import Int64Array
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.trial import load_tried

DATA_SETTINGS = ("labels", "seed", "skip_bad", "without")
"""The settings of a run that, beside path, size and colour, decide its validation pictures."""


SAME_KERNELS, OTHER_KERNELS = 0.002, 0.01
"""The share of the pictures by which flips may differ from those recorded: XNNPACK rounds alike on
every processor, kernels of another runtime by some codes otherwise."""


def describe(file: Path) -> str:
    """Return what a bundle is and holds, as text.

    Raises:
        FerError: It cannot be read.
    """
    bundle = ModelBundle.load(file)
    manifest, facts = bundle.manifest, bundle.manifest.provenance
    size = f"{manifest.input.width}x{manifest.input.height} {manifest.input.colour}"
    lines = [
        f"{bundle.name}: {file.stat().st_size / 1024:.0f} KiB, takes {size}, knows "
        f"{', '.join(manifest.labels)}",
        read_contents(bundle.model).text() if can_read_files() else _recorded(facts),
        _origin(facts),
    ]
    return "\n".join(lines)


def _origin(facts: Mapping[str, Any]) -> str:
    """Return where a bundle came from."""
    version = f"fer-edge-kit {facts.get('fer_edge_kit')}"
    if "adopted_from" in facts:
        return f"adopted from {facts['adopted_from']} with {version}"
    command = f": {facts['command']}" if facts.get("command") else ""
    return f"made with {version} and Keras {facts.get('keras')} from {facts.get('data')}{command}"


def require_runtime(file: Path, floor: str) -> None:
    """Make sure that an older TensorFlow Lite can run a bundle.

    Raises:
        FerError: It needs a newer one than `floor`.
        ArgumentError: The floor is no version.
    """
    bundle = ModelBundle.load(file)
    if can_read_files():
        read_contents(bundle.model).require_runtime(bundle.name, floor)
        return
    needed = bundle.manifest.provenance.get("min_runtime", "")
    if is_newer(needed, floor):
        raise FerError(f"{bundle.name} needs TensorFlow Lite {needed or '?'}, newer than {floor}")


def _recorded(facts: Mapping[str, Any]) -> str:
    """Return what conversion noted of a file, for where there is nothing to read it with."""
    if "min_runtime" not in facts:
        return "what it holds is not recorded, and reading it needs LiteRT"
    return (
        f"{facts['macs'] / 1e6:.2f} million multiply-accumulates, "
        f"{facts['activation_bytes'] / 1024:.0f} KiB of activations; runtime: TensorFlow Lite "
        f"{facts['min_runtime']} or newer (as recorded; reading the file itself needs LiteRT)"
    )


def verify_bundle(file: Path, data: Path | None, max_drop_points: float | None) -> str:
    """Repeat the parity of a bundle on its validation pictures; return what came out.

    Args:
        file: The bundle.
        data: The data set; None for FER2013's usual place.
        max_drop_points: How much accuracy may be lost against the parent's own answers, which the
            manifest holds, in percentage points; None for what conversion allowed.

    Raises:
        FerError: The pictures are others than then, more accuracy is lost, or more flips are others
            than another runtime's kernels make.
    """
    bundle = load_tried(file)
    facts, recorded = bundle.manifest.provenance, bundle.manifest.metrics.get("validation", {})
    parent = _parent_classes(file, facts)
    validation = _validation(bundle, data)
    model = TfliteModel(bundle)
    child = classify_images(model, validation.pixels).argmax(axis=1)
    flips = int((child != parent).sum())
    right, right_before = child == validation.labels, parent == validation.labels
    change, (low, high) = paired_difference(right, right_before)
    told = (
        f"{bundle.name}: accuracy {right_before.mean():.2%} -> {right.mean():.2%} on "
        f"{len(validation)} validation pictures ({100 * change:+.2f} points, 95 % interval "
        f"{100 * low:+.2f} to {100 * high:+.2f}), {flips} flips (recorded: "
        f"{recorded.get('flips')}, {recorded.get('child_accuracy', 0):.2%}); "
        f"{model.runtime}, {model.kernels} kernels"
    )
    limit = facts.get("max_drop_points", 0.5) if max_drop_points is None else max_drop_points
    if exceeds(-100 * change, limit):
        raise FerError(
            f"{told}\nthe parity does not hold: more than --max-drop {limit:g}",
            see="accuracy-lost",
        )
    same_kernels = (model.runtime, model.kernels) == (recorded["runtime"], recorded["kernels"])
    allowed = SAME_KERNELS if same_kernels else OTHER_KERNELS
    apart = max(1, int(allowed * len(validation)))
    if abs(flips - recorded["flips"]) > apart:
        raise FerError(
            f"{told}\nthe parity does not hold: more than {apart} flips more or less than recorded"
        )
    return told


def _parent_classes(file: Path, facts: Mapping[str, Any]) -> Int64Array:
    """Return what the parent answered to the validation pictures, (n,); raise FerError for none."""
    if "parent_classes" in facts:
        return np.array(facts["parent_classes"].split(), np.int64)
    if "adopted_from" in facts:
        raise FerError(f"{file} was adopted, without a parent to compare it with: use fer-bench")
    raise FerError(f"{file} does not hold its parent's answers: convert it again")


def _validation(bundle: ModelBundle, data: Path | None) -> FerDataset:
    """Return the pictures that the bundle was judged by; raise FerError for others."""
    facts = bundle.manifest.provenance
    settings = convert_json(
        facts["data_settings"], DataSettings, f"the data settings of {bundle.name}"
    )
    settings = replace(settings, data=str(data.resolve()) if data else "")
    dataset = settings.with_whole_paths(Path()).load(bundle.manifest.input)
    if rows := facts.get("held_out"):
        dataset = with_held_out(dataset, np.array(rows.split(), np.int64))
    validation = dataset.in_order(bundle.manifest.labels).part("validation")
    own = {validation.fingerprint(), validation.fingerprint(validation.numbered)}  # 0.2 and newer
    if facts["validation_fingerprint"] not in own:
        raise FerError(
            f"the validation pictures of {validation.name} are not those of {facts['data']} that "
            f"{bundle.name} was judged by: give the same --data"
        )
    return validation
