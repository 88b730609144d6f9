"""Starting from a trained model: its weights, all but those that do not fit."""

from __future__ import annotations

import re
from pathlib import Path

import keras

from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.files import ZIP_ERRORS
from fer_core.labels import class_keys
from fer_train.foreign import in_float32
from fer_train.keras_file import OF_KERAS_2, as_keras_loads_it
from fer_train.keras_trial import try_keras_file
from fer_train.network.logits import LOGITS
from fer_train.run_facts import is_shipped, model_labels, own_run
from fer_train.saved_model import require_harmless, try_saved_model

_MODELS = (".keras", ".h5", ".hdf5")
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth")


def load_keras_model(file: Path) -> keras.Model:
    """Return the model of a .keras or .h5 file or a SavedModel folder, running no Python from it.

    A model of no run is tried in a process of its own first.

    Raises:
        FerError: Keras cannot load it, or will not for safety's sake.
    """
    if file.suffix in _PICKLES:
        raise FerError(
            f"{file} is a pickle, which can run any code and is not loaded: save the model as "
            ".keras"
        )
    if file.suffix == ".tflite":
        raise FerError(
            f"{file} is already converted: give the run or the .keras file that it was made from"
        )
    if not file.is_dir() and file.suffix not in _MODELS:
        raise FerError(f"{file} is no model: give a run, a .keras or .h5 file, or a SavedModel")
    try:
        if file.is_dir():
            return _from_saved_model(file)
        if not (own_run(file) or is_shipped(file)):
            try_keras_file(file)
        model = in_float32(as_keras_loads_it(file), OF_KERAS_2)
    except (ValueError, OSError, TypeError, *ZIP_ERRORS) as error:
        raise FerError(_why_not(file, str(error))) from error
    if not getattr(model, "inputs", None):
        raise FerError(
            f"{file} has no input shape: begin it with keras.Input((height, width, channels)) and "
            "save it again"
        )
    return model


def _why_not(file: Path, error: str) -> str:
    """Return why a model was not loaded, and the way out."""
    if re.search(r"\bLambda\b", error.replace(str(file), "")):
        return (
            f"{file} holds a Lambda layer, that is Python code, which is not run. Build the model "
            "with a layer of Keras's own in its place (Rescaling, Resizing, ...)"
        )
    if re.search(r"expects 1 (named )?input\(s\).*received 2", error, re.DOTALL):
        return (
            f"{file} is nested as Teachable Machine's Keras export is, which Keras 3 does not "
            "load: export it there as TensorFlow, SavedModel, and give that folder"
        )
    unknown = re.search(r"(?:Could not locate class|Unknown layer:) '(\w+)'", error)
    if unknown:
        return (
            f"{file} holds the layer {unknown[1]}, which Keras does not know: where it is defined, "
            'model.export("FOLDER") writes a SavedModel, which can be converted'
        )
    return f"Keras cannot load {file}: {error}"


def _from_saved_model(folder: Path) -> keras.Model:
    """Return a SavedModel as one layer; its default signature has one input and one output.

    Its graph is read, and tried in a process of its own, before any of it runs here.
    """
    import tensorflow as tf

    require_harmless(folder)
    try_saved_model(folder)
    try:
        signatures = tf.saved_model.load(str(folder)).signatures
    except (tf.errors.OpError, IndexError) as error:  # the latter for variables that are cut short
        raise FerError(f"TensorFlow cannot load {folder}: {error}") from error
    signature = signatures.get("serving_default")
    if signature is None:
        raise FerError(
            f"{folder} has no signature serving_default, only {', '.join(signatures) or 'none'}: "
            "save it with model.export()"
        )
    taken = signature.structured_input_signature[1].values()
    given = signature.structured_outputs
    if (len(taken), len(given)) != (1, 1):
        raise FerError(
            f"{folder} takes {len(taken)} inputs and gives {len(given)} outputs: pictures in and "
            "probabilities out are wanted"
        )
    pixels = keras.Input(next(iter(taken)).shape[1:], name="pixels")
    answers = keras.layers.TFSMLayer(str(folder), call_endpoint="serving_default")(pixels)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", folder.resolve().name).lstrip("_.-") or "model"
    return keras.Model(pixels, next(iter(answers.values())), name=name)


def take_weights(model: keras.Model, file: Path, labels: tuple[str, ...]) -> str:
    """Copy the weights of a model file of the same architecture; say what was taken.

    Args:
        model: The network that gets them.
        file: The model file.
        labels: The network's labels. The layer `logits` is taken when the file's model has the
            same ones, else it stays fresh.

    Raises:
        ArgumentError: The file is of another architecture.
        FerError: It cannot be read, takes other pictures, or is of another version.
    """
    source = load_keras_model(file)
    if source.name != model.name:
        raise ArgumentError(
            f"{file} is a {source.name}, not a {model.name}; leave --arch out: --init decides it"
        )
    known = model_labels(file)
    same = class_keys(known) == class_keys(labels)
    _require_input(source, file, model.input_shape[1:])
    taken = [layer for layer in model.layers if same or layer.name != LOGITS]
    given = [layer for layer in source.layers if same or layer.name != LOGITS]
    if [_shapes(layer) for layer in taken] != [_shapes(layer) for layer in given]:
        raise FerError(f"{file} is another {model.name} than this version's: train it again")
    for own, other in zip(taken, given, strict=True):
        own.set_weights(other.get_weights())
    if same:
        return f"weights of {source.name} from {file.name}, its last layer too"
    why = "the labels differ" if known else "no metrics.json of its run says its labels"
    return f"weights of {source.name} from {file.name}, a fresh last layer, since {why}"


def blend_with(model: keras.Model, file: Path, share: float) -> str:
    """Replace the weights of a trained network by a mean with those it started from; say so.

    The mean knows nearly all that training taught, and still what the start knew of other faces
    (Wortsman et al., 2022, "Robust fine-tuning of zero-shot models").

    Args:
        model: The network, which is changed in place.
        file: The model it started from, of the same architecture and labels.
        share: The share of the start, 0 to 1.

    Raises:
        FerError: The file cannot be read.
    """
    start = load_keras_model(file).get_weights()
    both = zip(start, model.get_weights(), strict=True)
    model.set_weights([share * before + (1 - share) * now for before, now in both])
    return (
        f"{share:.0%} of each weight is again that of the start; the epochs were judged before that"
    )


def trained_model(file: Path, dataset: FerDataset) -> keras.Model:
    """Return a model, of any architecture, that knows the classes of a data set.

    Raises:
        FerError: It knows others, takes other pictures, or cannot be loaded.
    """
    model, labels = load_keras_model(file), dataset.label_names
    _require_input(model, file, dataset.spec.shape)
    known = model_labels(file) or labels
    if class_keys(known) != class_keys(labels) or model.output_shape[1:] != (len(labels),):
        raise FerError(
            f"{file} gives {model.output_shape[-1]} classes ({', '.join(known)}), but "
            f"{dataset.name} holds {', '.join(labels)}: give the --data it was trained on"
        )
    return model


def _require_input(model: keras.Model, file: Path, shape: tuple[int, ...]) -> None:
    if model.input_shape[1:] != shape:
        raise FerError(
            f"{file} takes pictures of {model.input_shape[1:]}, these are {shape}: give --size "
            "and --colour to match"
        )


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def freeze_all_but_logits(model: keras.Model, frozen: bool = True) -> None:
    """Let training move the layer `logits` alone, or every layer again."""
    for layer in model.layers:
        layer.trainable = not frozen or layer.name == LOGITS
