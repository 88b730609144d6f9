"""The model before conversion: its data, its temperature, its answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_convert.calibration import fit_temperature, tempered
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.metrics import FEW_PICTURES
from fer_core.preprocess import InputSpec
from fer_core.values import FloatArray
from fer_train.config import TrainConfig
from fer_train.data import predict
from fer_train.network.logits import divide_logits, logits_layers
from fer_train.network.quantize_aware import is_quantize_aware
from fer_train.run_facts import RunRecord, model_labels, read_run
from fer_train.transfer import load_keras_model


@dataclass(frozen=True, slots=True, eq=False)
class Parent:
    """The model before conversion, its temperature divided in, its training and the answers.

    Attributes:
        name: What its bundles are called.
        source_sha256: What tells its weights from others.
        probabilities: The answers (n, classes) of the model as it was given, at the temperature.
            For a model that was trained with rounding those of the one it went on from, while that
            is there.
        answers_of: Whose they are.
    """

    name: str
    source_sha256: str
    model: keras.Model
    config: TrainConfig
    temperature: float
    training: dict[str, int | str]
    probabilities: np.ndarray[Any, np.dtype[np.float32]]
    answers_of: str


_LABELS = {
    "fer2013": "the labels",
    "ferplus": "the majority of FER+'s votes (MIT license)",
    "ferplus-votes": "the votes of FER+ (MIT license)",
}
_TAUGHT = {"fer2013-votes.npz": "the votes of FER+ (MIT license)"}


def taught_by(config: TrainConfig) -> dict[str, Any]:
    """Return what a run's weights and answers come from, for the card: shares of 0 to 1."""
    mixed = {"balance": config.balance, "init_weight": config.init_weight}
    return {"targets": targets_of(config), **mixed}


def targets_of(config: TrainConfig) -> dict[str, float]:
    """Return the share (0 to 1) of labels, soft labels and online teacher in a run's targets."""
    online = config.online_teacher_weight if config.online_teacher else 0.0
    taught = (1 - online) * (config.soft_labels_weight if config.soft_labels else 0.0)
    soft_labels = Path(config.soft_labels).name
    shares = {
        _LABELS[config.labels]: 1 - online - taught,
        _TAUGHT.get(soft_labels, f"what {soft_labels} says"): taught,
        f"what {Path(config.online_teacher).name} says": online,
    }
    return {name: round(share, 4) for name, share in shares.items() if share}


def data_of(run: RunRecord, model: keras.Model, named: Path | None) -> FerDataset:
    """Return the data of the run that the model is of, or those named, in the model's own input.

    Raises:
        FerError: There are none, they are of other classes than the run's, or the model takes no
            pictures of a fixed size.
    """
    file, settings = run.file, run.config.pictures
    _require_one_picture_in_and_one_answer_out(file, model)
    if named:
        settings = replace(settings, data=str(named))
        if settings.votes and not Path(settings.votes).exists():
            settings = replace(settings, votes="")  # those next to the data, if there are some
    _, height, width, channels = (*model.input_shape, *[None] * 4)[:4]
    colour = {1: "gray", 3: "rgb"}.get(channels)
    if not (isinstance(height, int) and isinstance(width, int) and colour):
        raise FerError(
            f"{file} takes {model.input_shape}: pictures of a fixed size are wanted, gray "
            "(None, height, width, 1) or RGB (None, height, width, 3)"
        )
    dataset = settings.load(InputSpec(height, width, colour))
    if labels := model_labels(file):
        return _in_its_order(dataset, labels, file)
    fits = model.output_shape[-1] == len(dataset.label_names)
    return dataset if fits else dataset.without_empty_classes()


def _in_its_order(dataset: FerDataset, labels: tuple[str, ...], file: Path) -> FerDataset:
    """Return the pictures with the classes of a run in its order; raise FerError for others."""
    dataset = dataset.in_order(labels)
    if dataset.label_names != labels:
        raise FerError(
            f"{file} knows {', '.join(labels)}; {dataset.name} holds "
            f"{', '.join(dataset.label_names)}. Give the --data it was trained on"
        )
    return dataset


def _require_one_picture_in_and_one_answer_out(file: Path, model: keras.Model) -> None:
    """Raise FerError for several inputs or outputs, and for a batch of a fixed size."""
    for what, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if len(tensors) != 1:
            raise FerError(
                f"{file} has {len(tensors)} {what}, one is wanted: save a model of that one alone, "
                "keras.Model(model.inputs[0], model.outputs[0])"
            )
    batch = model.inputs[0].shape[0]
    if batch is not None:
        raise FerError(
            f"{file} takes batches of {batch} alone: build it with keras.Input((height, width, "
            "channels)), without a batch size, and copy the weights, new.set_weights("
            "old.get_weights())"
        )


def load_parent(run: RunRecord, model: keras.Model, validation: FerDataset) -> Parent:
    """Return the model with its temperature divided in; few pictures tell none, so it stays 1.

    Raises:
        FerError: It knows other classes than the pictures, or gives no probabilities.
    """
    name, source = run.bundle_name(model.name), weights_sha256(run.file, model)
    probabilities = _probabilities(run.file, model, validation)
    temperature = 1.0
    if logits_layers(model) and len(validation) >= FEW_PICTURES:
        temperature = fit_temperature(probabilities, validation.labels)
        divide_logits(model, temperature)
        given, probabilities = probabilities, tempered(probabilities, temperature)
        if not is_quantize_aware(model):  # which rounds what is divided otherwise
            _require_same(given, predict(model, validation), run.file)
    parent = Parent(
        name=name,
        source_sha256=source,
        model=model,
        config=run.config,
        temperature=temperature,
        training=run.training_facts(),
        probabilities=probabilities,
        answers_of=name,
    )
    return _with_answers_before_rounding(parent, validation) if is_quantize_aware(model) else parent


def _probabilities(file: Path, model: keras.Model, validation: FerDataset) -> FloatArray:
    """Return a model's probabilities (n, classes); raise FerError where it gives none of these."""
    if model.output_shape[1:] != (len(validation.label_names),):
        raise FerError(
            f"{file} gives {model.output_shape}, but {validation.name} has "
            f"{len(validation.label_names)} classes; give the --data it was trained on"
        )
    probabilities = predict(model, validation)
    rounding = len(validation.label_names) / 512  # half a step for each class, with int8's in it
    sums = probabilities.sum(axis=1)
    if not np.allclose(sums, 1, atol=0.01 + rounding) or probabilities.min() < 0:
        raise FerError(
            f"{file} gives no probabilities: its last layer must be a softmax "
            "(keras.layers.Softmax())"
        )
    return probabilities


def _with_answers_before_rounding(parent: Parent, validation: FerDataset) -> Parent:
    """Return the parent with the answers of the network that it went on from, if that is here."""
    start = Path(parent.config.init)
    if start.is_file():
        before = load_parent(read_run(start), load_keras_model(start), validation)
        return replace(parent, probabilities=before.probabilities, answers_of=before.answers_of)
    alone = " itself, as the network that it was trained from is not here"
    return replace(parent, answers_of=parent.name + alone)


def _require_same(given: FloatArray, tempered_: FloatArray, file: Path) -> None:
    """Raise FerError where the temperature changed a label of what was given, but for ties."""
    best = given.max(axis=1)
    chosen = given[np.arange(len(given)), tempered_.argmax(axis=1)]
    changed = int((best - chosen > 1e-3).sum())
    if changed:
        raise FerError(f"{file}: {changed} labels change with the temperature; report this, please")


def weights_sha256(file: Path, model: keras.Model) -> str:
    """Return the SHA-256 of a model's weights, of its files for a SavedModel.

    The same weights in a .keras and an .h5 file have the same.
    """
    digest = hashlib.sha256()
    if file.is_dir():
        for part in sorted(each for each in file.rglob("*") if each.is_file()):
            digest.update(part.read_bytes())
    for weights in model.get_weights():
        digest.update(f"{weights.shape}{weights.dtype}".encode())
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()
