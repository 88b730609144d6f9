import keras
import numpy as np
import pytest
from keras import layers

from fer_train.architectures import build_model
from fer_train.network.convolutional import convolutional
from networks import PICTURES, seasoned

keras.utils.set_random_seed(7)
ODD = (layers.Dense, layers.SeparableConv2D, layers.BatchNormalization)


def assert_same_answers(model: keras.Model) -> keras.Model:
    made = convolutional(model)
    np.testing.assert_allclose(made(PICTURES), model(PICTURES), rtol=1e-3, atol=1e-5)
    return made


@pytest.mark.parametrize("name", ["mini-xception", "a-regularised", "e-dense"])
def test_networks_become_plain_convolutions(name: str) -> None:
    made = assert_same_answers(seasoned(build_model(name, (48, 48, 1), 7)))
    assert made.name == name
    assert [layer.name for layer in made.layers if isinstance(layer, ODD)] == []


def test_each_kind_of_layer_is_exchanged() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.SeparableConv2D(4, 3, 2, depth_multiplier=2, activation="relu", name="apart")(pixels)
    x = layers.SeparableConv2D(6, 5, dilation_rate=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dense(5, activation="relu", name="on_pictures")(layers.AveragePooling2D(4)(x))
    x = layers.Dense(9, activation="relu", use_bias=False)(layers.Flatten()(x))
    x = layers.BatchNormalization(center=False, name="of_vectors")(x)
    x = layers.Dense(7, activation="softmax", name="logits")(x)
    made = assert_same_answers(seasoned(keras.Model(pixels, x, name="mixture")))
    assert made.get_layer("apart_depthwise").depth_multiplier == 2
    assert type(made.get_layer("apart")) is layers.Conv2D
    assert type(made.get_layer("on_pictures")) is layers.Conv2D
    assert type(made.get_layer("of_vectors")) is layers.DepthwiseConv2D
    assert made.get_layer("logits").output.shape == (None, 1, 1, 7)
    assert [layer.name for layer in made.layers if isinstance(layer, ODD)] == []


def test_pooling_keeps_the_picture_for_dense_layers_alone() -> None:
    pixels = keras.Input((48, 48, 1))
    maps = layers.Conv2D(3, 5, 5)(pixels)
    alone = layers.GlobalMaxPooling2D(name="alone")(maps)
    shared = layers.GlobalAveragePooling2D(name="shared")(maps)
    both = [layers.Dense(4)(layers.Dropout(0.5)(pooled)) for pooled in (alone, shared)]
    answers = layers.Dense(7)(layers.Concatenate()([*both, shared]))
    made = assert_same_answers(seasoned(keras.Model(pixels, answers)))
    assert made.get_layer("alone").output.shape == (None, 1, 1, 3)
    assert made.get_layer("shared").output.shape == (None, 3)
    assert_same_answers(keras.Model(pixels, shared))


def test_a_relu_behind_a_dense_layer_is_its_activation() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Dense(9, use_bias=False, name="hidden")(layers.Flatten()(pixels))
    x = layers.ReLU(name="plain")(layers.BatchNormalization()(x))
    x = layers.ReLU(max_value=0.3, name="bent")(layers.Dense(8, name="second")(x))
    made = assert_same_answers(seasoned(keras.Model(pixels, layers.Dense(7)(x))))
    assert made.get_layer("hidden").activation is keras.activations.relu
    assert "plain" not in [layer.name for layer in made.layers]
    assert made.get_layer("bent").max_value == 0.3


def test_activations_are_layers_of_their_own() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Activation("relu", name="bend")(layers.Conv2D(4, 5, 5, name="maps")(pixels))
    x = layers.Activation("tanh", name="other")(x)
    x = layers.Dense(7, activation="softmax", name="mood")(layers.Flatten()(x))
    made = assert_same_answers(seasoned(keras.Model(pixels, x)))
    assert type(made.get_layer("bend")) is layers.ReLU
    assert type(made.get_layer("other")) is layers.Activation
    assert made.get_layer("mood").activation is keras.activations.linear
    assert type(made.layers[-1]) is layers.Softmax
    assert made.layers[-1].name == "mood_softmax"


def test_names_that_are_taken_stay_with_their_layers() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Dense(5, name="mood")(layers.Flatten()(pixels))
    x = layers.Dense(7, name="mood_output")(layers.ELU(name="mood_input")(x))
    made = assert_same_answers(keras.Model(pixels, x))
    assert isinstance(made.get_layer("mood_output"), layers.Conv2D)


def test_other_models_come_through() -> None:
    adapted = layers.Normalization(mean=0.2, variance=4.0)
    learnt = layers.Normalization(axis=None)
    learnt.adapt(PICTURES + 3)
    chain = [layers.Flatten(), layers.Dense(7)]
    assert_same_answers(keras.Sequential([keras.Input((48, 48, 1)), adapted, learnt, *chain]))
    pixels = keras.Input((48, 48, 1))
    twice = layers.Dense(1)
    shared = keras.Model(pixels, twice(twice(pixels)))
    assert convolutional(shared) is shared
    bare = keras.Model(pixels, layers.ReLU()(pixels))
    assert convolutional(bare) is bare
