from dataclasses import replace

import cv2
import numpy as np
import pytest

from drawn_faces import draw_face
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.preprocess import InputSpec
from fer_edge.inference.interpreter import KERNELS, TfliteModel, dequantize


def gray_face(expression: str = "happy") -> np.ndarray:
    return cv2.cvtColor(draw_face(expression, 48), cv2.COLOR_BGR2GRAY)[..., None]


def test_dequantize_widens_before_it_subtracts() -> None:
    codes = np.array([127, -128], np.int8)
    assert dequantize(codes, 1 / 256, -128).tolist() == [255 / 256, 0.0]


@pytest.mark.parametrize("kernels", sorted(KERNELS))
def test_every_kernel_set_gives_a_distribution(nano: ModelBundle, kernels: str) -> None:
    probabilities = TfliteModel(nano, kernels=kernels).probabilities(gray_face())
    assert probabilities.shape == (7,)
    assert probabilities.dtype == np.float32
    assert probabilities.sum() == pytest.approx(1)


def test_the_shipped_model_takes_int8_pixels_without_arithmetic(nano: ModelBundle) -> None:
    model = TfliteModel(nano)
    assert model.input_quantization == (1 / 128, 0)
    prepared = model.prepared(gray_face())
    assert (prepared.dtype, prepared.shape) == (np.int8, (1, 48, 48, 1))
    assert np.array_equal(prepared[0].astype(int), gray_face().astype(int) - 128)


def test_the_shipped_model_has_no_float_operation(nano: ModelBundle) -> None:
    model = TfliteModel(nano, kernels="builtin")
    tensors = model._interpreter._interpreter.get_tensor_details()
    assert {np.dtype(tensor["dtype"]).name for tensor in tensors} <= {"int8", "int32"}


def test_threads_do_not_change_the_answer(nano: ModelBundle) -> None:
    one, two = (TfliteModel(nano, threads=n).probabilities(gray_face()) for n in (1, 2))
    assert np.array_equal(one, two)


def test_a_model_of_another_shape_is_refused(nano: ModelBundle) -> None:
    wrong_size = replace(nano.manifest, input=InputSpec(64, 64))
    with pytest.raises(FerError, match=r"takes \(1, 48, 48, 1\), its manifest says \(1, 64, 64"):
        TfliteModel(ModelBundle(nano.model, wrong_size))
    few_labels = replace(nano.manifest, labels=("a", "b"))
    with pytest.raises(FerError, match="its manifest has 2 labels"):
        TfliteModel(ModelBundle(nano.model, few_labels))


def test_a_flatbuffer_that_is_none_is_refused(nano: ModelBundle) -> None:
    with pytest.raises(FerError, match="cannot load fer-nano-int8"):
        TfliteModel(ModelBundle(b"no flatbuffer at all", nano.manifest))


def test_unknown_kernels_are_refused(nano: ModelBundle) -> None:
    with pytest.raises(ValueError, match="kernels must be one of"):
        TfliteModel(nano, kernels="magic")
