"""Where a network looks: Grad-CAM (Selvaraju et al., 2017) over faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from fer_core.errors import ArgumentError, FerError
from fer_core.opencv import cv2
from fer_core.pictures import read_picture
from fer_core.preprocess import InputSpec, normalize_pixels
from fer_core.text import on_paper
from fer_core.values import FloatArray, Frame, UInt8Array
from fer_edge.faces.detector import FaceDetector
from fer_train.figures import save_figure
from fer_train.network.logits import LOGITS

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a network says of a crop, and how much each place speaks for it.

    Attributes:
        crop: (h, w, c) uint8.
        class_index: The class that is explained.
        heat: (h, w) float32, 0 to 1, for that class.
    """

    name: str
    crop: UInt8Array
    probabilities: FloatArray
    class_index: int
    heat: FloatArray
    has_face: bool = True


def explain_picture(
    model: keras.Model,
    file: Path,
    detector: FaceDetector,
    layer: str | None = None,
    class_index: int | None = None,
) -> Explanation:
    """Return Grad-CAM for the largest face of a picture, the whole picture where there is none.

    Args:
        model: A network that ends in a softmax.
        file: The picture.
        detector: What finds the face.
        layer: One with maps; None for the end of the last convolution's block.
        class_index: The class to explain; None for the likeliest.

    Raises:
        FerError: The picture cannot be read, or the network does not fit.
        ArgumentError: There is no such layer, or it has no maps.
    """
    if not file.is_file():
        raise FerError(f"there is no picture {file}", see="picture-not-found")
    picture = read_picture(file, colour=True)
    if isinstance(picture, str):
        raise FerError(
            f"{file} is no picture that can be read: it is {picture}", see="picture-unreadable"
        )
    pixels = picture.pixels
    height, width, channels = _input_shape(model)
    spec = InputSpec(height, width, "gray" if channels == 1 else "rgb")
    frame = Frame(pixels, 0, 0.0, file.name)
    faces = detector.detect(frame)
    crop = spec.pixels(frame, faces[0]) if faces else spec.resized(pixels)
    probabilities, heat, chosen = grad_cam(model, normalize_pixels(crop), layer, class_index)
    return Explanation(file.name, crop, probabilities, chosen, heat, bool(faces))


def _input_shape(model: keras.Model) -> tuple[int, int, int]:
    shape: tuple[int, ...] = getattr(model, "input_shape", ())[1:]
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 3):
        raise FerError(f"explain takes models of fer-train; {model.name} takes {shape or '?'}")
    height, width, channels = shape
    return height, width, channels


def grad_cam(
    model: keras.Model, picture: FloatArray, layer: str | None, class_index: int | None
) -> tuple[FloatArray, FloatArray, int]:
    """Return how much each place of a picture speaks for a class.

    The maps of the layer are weighted by the mean gradient of the class's logit, summed, cut at
    zero and scaled to the picture.

    Args:
        model: A network that ends in a softmax.
        picture: Its input, (h, w, c) float32.
        layer: One with maps; None for the end of the last convolution's block.
        class_index: The class to explain; None for the likeliest.

    Returns:
        Probabilities (classes,), heat (h, w) float32 in 0 to 1, and the class that was explained.

    Raises:
        FerError: The network does not fit, or Keras runs without TensorFlow.
        ArgumentError: There is no such layer, or it has no maps.
    """
    _require_fitting(model)
    import tensorflow as tf

    maps_layer = _layer_with_maps(model, layer)
    before_softmax = model.layers[-1].input
    both = keras.Model(model.input, [maps_layer.output, before_softmax, model.output])

    def explained(pixels: tf.Tensor, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            maps, logits, probabilities = both(pixels, training=False)
            chosen = tf.where(wanted < 0, tf.argmax(probabilities[0], output_type=tf.int32), wanted)
            target = logits[0, chosen]
        weights = tf.reduce_mean(tape.gradient(target, maps), axis=(0, 1, 2))
        return tf.reduce_sum(maps[0] * weights, axis=-1), probabilities[0], chosen

    as_graph = tf.function(explained)  # without gradients of filters, at which oneDNN may crash
    asked = tf.constant(-1 if class_index is None else class_index)
    summed, probabilities, chosen = (each.numpy() for each in as_graph(picture[None], asked))
    answer, heat = np.asarray(probabilities, np.float32), np.maximum(summed, 0)
    heat = cv2.resize(heat, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return answer, np.asarray(heat / max(float(heat.max()), 1e-9), np.float32), int(chosen)


def _require_fitting(model: keras.Model) -> None:
    if keras.backend.backend() != "tensorflow":
        raise FerError("explain needs Keras's TensorFlow backend: unset KERAS_BACKEND")
    if not isinstance(model.layers[-1], keras.layers.Softmax) or not model.inputs:
        raise FerError(
            f"explain takes networks that end in a softmax, as those of fer-train do; {model.name} "
            "does not. Of a network trained with --qat, explain the one that it continued from"
        )


def _layer_with_maps(model: keras.Model, name: str | None) -> keras.layers.Layer:
    """Return the named layer, or the last one before the last convolution's maps get smaller."""
    with_maps = [layer for layer in model.layers[1:-1] if _map_size(layer) is not None]
    if name is None:
        convolutions = [layer for layer in with_maps if isinstance(layer, _CONVOLUTIONS)]
        if not convolutions:
            raise FerError(f"{model.name} has no convolution to explain by")
        last = convolutions[-1]
        return [layer for layer in with_maps if _map_size(layer) == _map_size(last)][-1]
    if name not in [layer.name for layer in with_maps]:
        known = ", ".join(layer.name for layer in with_maps)
        raise ArgumentError(f"no layer {name!r} with maps; there are {known}")
    return model.get_layer(name)


def _map_size(layer: keras.layers.Layer) -> tuple[int, int] | None:
    """Return height and width of a layer's maps, None for one that has none."""
    shape: tuple[int, ...] = getattr(layer.output, "shape", ())
    maps = len(shape) == 4 and shape[1:3] != (1, 1) and layer.name != LOGITS
    return (shape[1], shape[2]) if maps else None


def index_of(label: str, labels: Sequence[str]) -> int:
    """Return a label's class index.

    Raises:
        ArgumentError: The model does not know the label.
    """
    if label not in labels:
        raise ArgumentError(f"no label {label!r}; the model knows {', '.join(labels)}")
    return list(labels).index(label)


def save_explanations(
    path: Path, explanations: Sequence[Explanation], labels: Sequence[str]
) -> None:
    """Draw a row for each picture: the crop, the heat over it, the probabilities."""
    labels = [on_paper(label) for label in labels]
    figure = Figure(figsize=(7.5, 2.4 * len(explanations)), layout="constrained")
    grid = figure.subplots(len(explanations), 3, squeeze=False, width_ratios=(1, 1, 1.5))
    for (left, middle, right), seen in zip(grid, explanations, strict=True):
        for axis in (left, middle):
            axis.imshow(seen.crop.squeeze(), cmap="gray", vmin=0, vmax=255)
            axis.set_axis_off()
        left.set_title(on_paper(seen.name), fontsize=8)
        middle.imshow(seen.heat, cmap="inferno", alpha=0.55, vmin=0, vmax=1)
        title = f"what speaks for {labels[seen.class_index]}"
        middle.set_title(title, fontsize=8)
        colours = ["#8a8f98"] * len(labels)
        colours[seen.class_index] = "#1f6feb"
        right.barh(labels, seen.probabilities, color=colours)
        right.set_xlim(0, 1)
        right.invert_yaxis()
        right.tick_params(labelsize=8)
    save_figure(path, figure)
