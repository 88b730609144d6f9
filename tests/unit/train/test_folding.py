import keras
import numpy as np
import pytest
from keras import layers

from fer_train.architectures import build_model
from fer_train.network.folding import folded
from networks import PICTURES, seasoned

keras.utils.set_random_seed(7)


def norms(model: keras.Model) -> list[keras.Layer]:
    return [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def assert_same_answers(model: keras.Model) -> keras.Model:
    made = folded(model)
    np.testing.assert_allclose(made(PICTURES), model(PICTURES), rtol=1e-3, atol=1e-5)
    return made


@pytest.mark.parametrize("name", ["fer-nano", "mini-xception", "resnet-20", "c-blocks"])
def test_networks_answer_as_before(name: str) -> None:
    made = assert_same_answers(seasoned(build_model(name, (48, 48, 1), 7)))
    assert made.name == name
    assert norms(made) == []
    assert made.get_layer("logits") is not None


def test_each_kind_of_layer_takes_its_normalization() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(6, 3, 2)(pixels)
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(center=False)(x))
    x = layers.BatchNormalization(name="behind_relu")(layers.SeparableConv2D(8, 3)(x))
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    x = layers.BatchNormalization()(layers.Dense(7, name="logits")(x))
    model = seasoned(keras.Model(pixels, layers.Softmax()(x)))
    assert norms(assert_same_answers(model)) == []


def test_a_normalisation_behind_an_activation_becomes_depthwise() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(6, 3, 2, activation="relu")(pixels)
    x = layers.BatchNormalization(name="late")(x)
    y = layers.Conv2D(6, 1)(x)  # two layers take this one's result
    x = layers.Add()([layers.BatchNormalization(name="shared")(y), y])
    x = layers.BatchNormalization(axis=1, name="of_rows")(x)
    x = layers.BatchNormalization(name="of_vectors")(layers.GlobalAveragePooling2D()(x))
    model = seasoned(keras.Model(pixels, layers.Dense(7)(x)))
    made = assert_same_answers(model)
    assert isinstance(made.get_layer("late"), layers.DepthwiseConv2D)
    assert isinstance(made.get_layer("shared"), layers.DepthwiseConv2D)
    assert [norm.name for norm in norms(made)] == ["of_rows", "of_vectors"]


def test_other_kinds_of_models() -> None:
    row = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(7)]
    sequential = seasoned(keras.Sequential([keras.Input((48, 48, 1)), *row]))
    assert norms(assert_same_answers(sequential)) == []
    nested = keras.Sequential([keras.Input((48, 48, 1)), sequential, layers.Softmax()])
    assert norms(assert_same_answers(nested)) == []
    twice, pixels = layers.Conv2D(1, 3, padding="same"), keras.Input((48, 48, 1))
    shared = keras.Model(pixels, layers.Flatten()(twice(twice(pixels))))
    assert folded(shared) is shared


def test_models_within_a_model_become_one_graph() -> None:
    def block(name: str) -> keras.Model:
        inputs = keras.Input((None, None, 4))
        x = layers.Conv2D(4, 3, padding="same", name="inner")(inputs)
        x = layers.ReLU(name="bend")(layers.BatchNormalization(name="norm")(x))
        return keras.Model(inputs, layers.Add(name="sum")([x, inputs]), name=name)

    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(4, 3, name="inner")(layers.Rescaling(128 / 255, 128 / 255)(pixels))
    once = block("once")
    x = layers.GlobalAveragePooling2D()(block("other")(once(x)))
    model = seasoned(keras.Model(pixels, layers.Softmax()(layers.Dense(7)(x)), name="whole"))
    made = assert_same_answers(model)
    assert norms(made) == []
    assert made.name == "whole"
    names = [layer.name for layer in made.layers if isinstance(layer, layers.Conv2D)]
    assert names == ["inner", "inner_", "inner__"]  # that of the model itself keeps its name
    assert made.get_layer("inner").kernel.shape == (3, 3, 1, 4)
    twice = keras.Model(pixels, once(once(layers.Conv2D(4, 3)(pixels))))
    assert_same_answers(twice)  # the same layers, used again

    class Odd(keras.Model):  # no graph
        def call(self, inputs: object) -> object:
            return inputs

    opaque = keras.Model(pixels, Odd()(pixels))
    assert folded(opaque) is opaque
    inner = keras.Model(pixels, pixels + 1.0)  # an operation, no layer
    summed = keras.Model(pixels, inner(pixels) + 1.0)
    assert folded(summed) is summed
