"""One conversion, from a run folder to bundles and a parity report."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fer_convert.card import model_card
from fer_convert.contents import read_contents
from fer_convert.export import export_flatbuffer
from fer_convert.input_check import input_mismatch
from fer_convert.job import ConversionRequest, Job, make_job
from fer_convert.layer_losses import layers_table, measure_layers, save_layers
from fer_convert.operations import FileContents
from fer_convert.overwriting import (
    answers_alike,
    differs_from,
    reason_to_keep,
    require_not_shipped,
)
from fer_convert.parent import taught_by
from fer_convert.parity import (
    ParityReport,
    compare_models,
    doubtful_drop,
    few_pictures,
    refused_drop,
    save_parity,
    worse_than_chance,
)
from fer_convert.recipes import RECIPES, QuantizationRecipe
from fer_convert.verify import DATA_SETTINGS
from fer_core import __version__
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.files import make_folder
from fer_core.locks import alone_in
from fer_core.manifest import ModelManifest
from fer_edge.deployment.signing.own_key import save_signed
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.self_test import golden_answers
from fer_edge.inference.trial import note_tried
from fer_train.network.convolutional import convolutional
from fer_train.network.quantize_aware import is_quantize_aware
from fer_train.run_facts import is_shipped
from fer_train.run_folder import model_file, newest_run

EXPLAINED_PICTURES = 64
WORTH_TRAINING_POINTS = 0.3
"""The loss of accuracy from which quantization-aware training is worth it."""
AFTER_ROUNDING = "more --epochs, or to convert the network that it was trained from"

Done = Callable[[Path, QuantizationRecipe, FerDataset], None]
"""Is called with each bundle that is written, and the pictures that it was judged by."""


def convert(
    request: ConversionRequest,
    say: Callable[[str], None],
    show: Callable[[str], None] = print,
    done: Done = lambda path, recipe, validation: None,
) -> list[Path]:
    """Write one bundle a recipe and parity.json; return the bundles' paths.

    A recipe that cannot be made, or loses more accuracy than allowed, leaves no bundle.

    Args:
        request: What to convert and how.
        say: What gets lines with figures.
        show: What gets the table of layers.
        done: What gets each bundle as it is written, and the pictures it was judged by.

    Raises:
        FerError: Names, once the others are made, what was not, and files of an earlier conversion.
        ArgumentError: It would write over a shipped bundle.
    """
    file = model_file(request.target or newest_run(Path("runs")))
    if request.out is None and is_shipped(file):
        raise ArgumentError(f"{file.parent.name} is a shipped model: say where to write, --out DIR")
    out = make_folder(request.out or file.parent)
    job = make_job(request, file)
    if not job.parent.training and (doubt := input_mismatch(job.parent.model, job.validation)):
        say(f"{job.parent.name}: {doubt}")
    doubts = (job.other_pictures, few_pictures(len(job.validation)))
    for line in (*job.validation.remarks(), *filter(None, doubts)):
        say(line)
    paths = [out / f"{job.parent.name}-{recipe.name}.tflite" for recipe in request.recipes]
    require_not_shipped(paths)
    faults: list[FerError] = []
    with alone_in(out, "fer-convert"):
        for recipe, path in zip(request.recipes, paths, strict=True):
            faults += _convert_as(recipe, path, job, say, show, done)
    if faults:
        raise FerError.joined(faults)
    return paths


def _convert_as(
    recipe: QuantizationRecipe,
    path: Path,
    job: Job,
    say: Callable[[str], None],
    show: Callable[[str], None],
    done: Done,
) -> list[FerError]:
    """Write one bundle and its parity; return why it was not written, or not explained."""
    overwrite = job.request.overwrite
    if not overwrite and (taken := reason_to_keep(path, job.parent.source_sha256)):
        return [FerError(taken)]
    earlier = [FerError(f"{path} is of an earlier conversion")] if path.exists() else []
    try:
        bundle, refused = _make_bundle(recipe, job, say)
    except ArgumentError:
        raise
    except FerError as error:
        return [error, *earlier]
    faults = [FerError(refused, see="accuracy-lost"), *earlier] if refused else []
    if job.request.layer_errors and recipe.full_integer:
        try:
            show(_explained(job, bundle, path.parent))
        except FerError as error:
            faults.append(error)
    same = answers_alike(path, bundle)
    if path.exists() and not (refused or overwrite or same):
        return [*faults, FerError(differs_from(path))]
    if not refused:
        if path.exists():
            say(f"{path} is replaced{' by the same' if same else ''}")
        if told := save_signed(bundle, path):
            say(told)
        note_tried(bundle.model)
    try:
        save_parity(path.parent / "parity.json", bundle, written=not refused)
    except FerError as error:
        faults.append(error)
    if not refused:
        done(path, recipe, job.validation)
    return faults


def _make_bundle(
    recipe: QuantizationRecipe, job: Job, say: Callable[[str], None]
) -> tuple[ModelBundle, str]:
    """Say a bundle's figures; return it and the reason not to write it, empty for none."""
    parent, validation, floor = job.parent, job.validation, job.request.runtime_floor
    flatbuffer = export_flatbuffer(parent.model, recipe, job.calibration)
    contents = read_contents(flatbuffer)
    if recipe.full_integer:
        contents.require_integer(f"{parent.name}-{recipe.name}")
    contents.require_float(recipe.keep_float)
    if floor:
        contents.require_runtime(f"{parent.name}-{recipe.name}", floor)
    manifest = ModelManifest(
        parent.name,
        validation.label_names,
        validation.spec,
        recipe.name,
        temperature=parent.temperature,
        provenance=_provenance(recipe, contents, job),
    )
    model = TfliteModel(ModelBundle(flatbuffer, manifest))
    parity = compare_models(parent.probabilities, model, validation)
    manifest = replace(manifest, golden=golden_answers(model))
    manifest.metrics["validation"] = parity.to_json()
    bundle = ModelBundle(flatbuffer, manifest, model_card(manifest, parity))
    say(_parity_line(bundle, parity, parent.answers_of))
    say(contents.text())
    rounded = is_quantize_aware(parent.model)
    otherwise = AFTER_ROUNDING if rounded else recipe.otherwise
    refused = refused_drop(bundle.name, parity, job.max_drop_points, otherwise)
    if doubt := worse_than_chance(bundle.name, parity, validation):
        if job.request.max_drop_points is None:
            anyway = "To write it anyway: --max-drop 100"
            refused = refused or f"{doubt}: it was not written. {anyway}"
        else:
            say(doubt)
    worth_training = recipe.full_integer and parity.lost_more_than(WORTH_TRAINING_POINTS)
    if not refused and (chance := doubtful_drop(bundle.name, parity)):
        say(chance)
    elif worth_training and not (rounded or refused):
        say(f"{bundle.name}: fer-train --qat may win back what was lost")
    return bundle, refused


def _provenance(recipe: QuantizationRecipe, contents: FileContents, job: Job) -> dict[str, Any]:
    """Return what the manifest says of how a bundle was made."""
    request, parent, validation = job.request, job.parent, job.validation
    facts: dict[str, Any] = {
        "parameters": parent.model.count_params(),
        "macs": contents.macs,
        "activation_bytes": contents.activation_bytes,
        "min_runtime": contents.min_runtime,
        "data": validation.name,
        "data_settings": {name: getattr(parent.config.pictures, name) for name in DATA_SETTINGS},
        "validation_fingerprint": validation.fingerprint(validation.numbered),
        "held_out": " ".join(map(str, validation.rows)) if parent.config.held_out else "",
        "source_sha256": parent.source_sha256,
        "parent": parent.answers_of,
        "parent_classes": " ".join(map(str, parent.probabilities.argmax(axis=1))),
        "command": request.command,
        "max_drop_points": job.max_drop_points,
        "runtime_floor": request.runtime_floor,
        **(taught_by(parent.config) if parent.training else {"targets": {}}),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "keras": keras.__version__,
        "fer_edge_kit": __version__,
        **parent.training,
    }
    if recipe.keep_float:
        facts["kept_in_float"] = list(recipe.keep_float)
    if recipe.calibrated and job.calibration:
        facts["calibration_rows"] = job.calibration.rows.tolist()
        facts["calibration_seed"] = request.seed
    return facts


def _explained(job: Job, bundle: ModelBundle, out: Path) -> str:
    """Return what every layer lost, and draw it beside the bundle.

    On validation pictures, which did not set the ranges: no value of the others lies beyond them.
    """
    float32 = export_flatbuffer(convolutional(job.parent.model), RECIPES["float32"])
    pixels = job.validation.pixels
    every = max(1, len(pixels) // EXPLAINED_PICTURES)  # of every class, in whatever order
    losses = measure_layers(float32, bundle.model, pixels[::every])
    picture = out / f"{bundle.name}-layers.png"
    save_layers(picture, losses, bundle.name)
    return f"{layers_table(losses)}\n{picture}"


def _parity_line(bundle: ModelBundle, parity: ParityReport, parent: str) -> str:
    of_another = f" of {parent}" if parent != bundle.manifest.name else ""
    return (
        f"{bundle.name}: {len(bundle.to_bytes()) / 1024:.0f} KiB, accuracy "
        f"{parity.parent_accuracy:.2%}{of_another} -> {parity.child_accuracy:.2%} on "
        f"{parity.count} validation pictures, agreement {parity.top1_agreement:.2%} "
        f"({parity.flips} flips), largest difference {parity.max_abs_diff:.3f}, calibration error "
        f"{parity.child_ece:.2%}"
    )
