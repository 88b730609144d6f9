"""One conversion: what was asked for, and what that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from fer_convert.calibration import representative_set
from fer_convert.parent import Parent, data_of, load_parent
from fer_convert.parity import allowed_drop
from fer_convert.recipes import QuantizationRecipe
from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError
from fer_train.network.quantize_aware import is_quantize_aware
from fer_train.run_facts import RunRecord, is_fold, read_run
from fer_train.transfer import load_keras_model

CALIBRATION_SAMPLES = 512


@dataclass(frozen=True, slots=True)
class ConversionRequest:
    """What to convert and how.

    Attributes:
        target: A run folder, a model file, or None for the newest run.
        data: The data set; None for where the run says.
        out: The folder to write into; None for that of the model.
        calibration_samples: How many pictures to calibrate with; None means CALIBRATION_SAMPLES, or
            all training pictures where there are fewer.
        max_drop_points: How much accuracy may be lost, in percentage points; None means what
            `allowed_drop` says, and that a model worse than chance is refused.
        overwrite: Whether a bundle may take the place of one that differs.
        layer_errors: Whether to say where int8 loses.
        runtime_floor: The oldest TensorFlow Lite that must load the files, as 2.14.
        command: What was typed, for the manifest.
    """

    target: Path | None
    recipes: Sequence[QuantizationRecipe]
    data: Path | None
    out: Path | None
    calibration_samples: int | None = None
    max_drop_points: float | None = None
    seed: int = 1
    overwrite: bool = False
    layer_errors: bool = False
    runtime_floor: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A request and what it means: the network with its answers, and the pictures."""

    request: ConversionRequest
    parent: Parent
    calibration: FerDataset | None
    validation: FerDataset
    other_pictures: str = ""
    """That the run was judged by other pictures, else nothing."""

    @property
    def max_drop_points(self) -> float:
        """How much accuracy may be lost, in percentage points."""
        asked = self.request.max_drop_points
        return allowed_drop(len(self.validation)) if asked is None else asked


def make_job(request: ConversionRequest, file: Path) -> Job:
    """Load what a request names.

    Raises:
        FerError: The model or the data cannot be read, or do not go together.
        ArgumentError: Errors of layers are asked of a model that was trained with rounding.
    """
    model = load_keras_model(file)
    run = read_run(file)
    dataset = data_of(run, model, request.data)
    validation = dataset.part("validation")
    parent = load_parent(run, model, validation)
    if request.layer_errors and is_quantize_aware(model):
        raise ArgumentError(f"--layer-errors compares with float32, which {file} no longer is")
    calibration = _calibration_set(request, model, dataset.part("train"))
    return Job(request, parent, calibration, validation, _other_pictures(run, validation))


def _other_pictures(run: RunRecord, validation: FerDataset) -> str:
    before = run.metrics.get("validation_fingerprint")
    if before in (None, validation.fingerprint(rows=False)):
        return ""
    if run.folder and is_fold(run.folder):
        return ""  # what it never saw judges it, and no part of what it learned from
    return (
        f"the validation pictures of {validation.name} are not those that {run.folder} was judged "
        "by. It may have learned from some of them, so its accuracy may seem too high. Train "
        "again, or give the --data that it was trained on"
    )


def _calibration_set(
    request: ConversionRequest, model: keras.Model, training: FerDataset
) -> FerDataset | None:
    """Return the pictures to calibrate with, None where nothing is calibrated."""
    if is_quantize_aware(model) or not any(recipe.calibrated for recipe in request.recipes):
        return None
    samples = request.calibration_samples or min(CALIBRATION_SAMPLES, len(training))
    return representative_set(training, samples, request.seed)
