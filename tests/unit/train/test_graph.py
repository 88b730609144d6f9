from collections.abc import Sequence

import keras
import numpy as np
import pytest
from keras import layers

from fer_core.errors import FerError
from fer_train.architectures import build_model
from fer_train.network import convolutional as passes
from fer_train.network.convolutional import convolutional
from fer_train.network.graph import (
    Part,
    all_layers,
    consumers,
    layer_copy,
    only_consumer,
    only_producer,
    producer,
    rewritten,
)
from fer_train.network.quantize_aware import quantize_aware
from networks import PICTURES, seasoned

keras.utils.set_random_seed(7)


def branched() -> keras.Model:
    pixels = keras.Input((48, 48, 1), name="pixels")
    x = layers.Conv2D(4, 5, 5, name="first")(pixels)
    one, other = layers.ReLU(name="one")(x), layers.BatchNormalization(name="other")(x)
    x = layers.Flatten(name="flat")(layers.Add(name="sum")([one, other]))
    return seasoned(keras.Model(pixels, layers.Dense(7, name="logits")(x), name="branched"))


def names(found: Sequence[keras.Layer]) -> list[str]:
    return [layer.name for layer in found]


def test_the_graph_says_who_feeds_whom() -> None:
    model = branched()
    first, joined, flat = (model.get_layer(name) for name in ("first", "sum", "flat"))
    assert names(consumers(first)) == ["one", "other"]
    assert only_consumer(first) is None
    assert only_consumer(joined) is flat
    assert consumers(model.get_layer("logits")) == []
    assert only_producer(flat) is joined
    assert only_producer(joined) is None  # two layers feed it
    assert only_producer(model.get_layer("one")) is None  # its source feeds another layer too
    assert producer(model.outputs[0]).name == "logits"
    outer = keras.Sequential([keras.Input((48, 48, 1)), model], name="outer")
    assert {"outer", "branched", "sum"} <= set(names(all_layers(outer)))


def test_a_rule_that_changes_nothing_gives_the_model_itself() -> None:
    model = branched()
    assert rewritten(model, lambda layer: None) is model
    once = layers.Dense(1)
    pixels = keras.Input((48, 48, 1))
    shared = keras.Model(pixels, once(once(pixels)))  # no plain graph
    assert rewritten(shared, lambda layer: [Part(layer_copy(layer))]) is shared


def test_what_a_rule_leaves_alone_is_copied_with_its_weights() -> None:
    model = branched()
    made = rewritten(
        model, lambda layer: [Part(layer_copy(layer))] if layer.name == "one" else None
    )
    assert made is not model
    assert (made.name, names(made.layers)) == ("branched", names(model.layers))
    assert all(a is not b for a, b in zip(made.layers, model.layers, strict=True))
    np.testing.assert_array_equal(made(PICTURES), model(PICTURES))
    assert names(consumers(model.get_layer("first"))) == ["one", "other"]  # the original stays


def test_parts_take_a_layers_place_one_behind_the_other() -> None:
    model = branched()
    kernel, bias = model.get_layer("first").get_weights()

    def halved(x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.Rescaling(0.5, name="halved")(x)

    def rule(layer: keras.Layer) -> Sequence[Part] | None:
        if layer.name == "one":
            return ()
        if layer.name == "first":
            doubled = Part(layer_copy(layer, activation="linear"), [2 * kernel, 2 * bias])
            return [doubled, Part(halved)]
        if isinstance(layer, layers.InputLayer):
            return [Part(layers.Rescaling(3.0, name="tripled"))]
        return None

    made = rewritten(model, rule)
    assert "one" not in names(made.layers)
    assert producer(made.get_layer("first").input).name == "tripled"
    assert only_consumer(made.get_layer("first")).name == "halved"
    assert set(names(consumers(made.get_layer("halved")))) == {"sum", "other"}
    first = keras.Model(model.input, model.get_layer("first").output)
    behind = keras.Model(made.input, made.get_layer("halved").output)
    np.testing.assert_allclose(behind(PICTURES), first(3 * PICTURES), rtol=1e-4, atol=1e-5)


def test_options_of_a_call_go_to_a_layer_of_the_same_kind() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Dropout(0.9, name="drop")(pixels, training=True)
    model = keras.Model(pixels, layers.ReLU(name="bend")(x))
    again = rewritten(model, lambda each: [Part(layer_copy(each))] if each.name == "drop" else None)
    assert float(np.mean(np.asarray(again(np.abs(PICTURES))) == 0)) > 0.5
    without = rewritten(
        model, lambda each: [Part(layers.ReLU(name="x"))] if each.name == "drop" else None
    )
    np.testing.assert_array_equal(without(np.abs(PICTURES)), np.abs(PICTURES))


def test_a_layer_that_is_used_twice_is_not_trained_with_rounding() -> None:
    twice, pixels = layers.Conv2D(1, 3, padding="same"), keras.Input((48, 48, 1))
    shared = keras.Model(pixels, layers.Flatten()(twice(twice(pixels))), name="shared")
    with pytest.raises(FerError, match="one of its layers is used twice"):
        quantize_aware(shared)


def test_a_strangers_pass_takes_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is met by conversion, its report by layers and quantization-aware training alike."""

    def without_dropout(model: keras.Model) -> keras.Model:
        def rule(layer: keras.Layer) -> tuple[()] | None:
            return () if isinstance(layer, keras.layers.Dropout) else None

        return rewritten(model, rule)

    model = build_model("b-plain", (48, 48, 1), 7)
    assert any(isinstance(layer, keras.layers.Dropout) for layer in convolutional(model).layers)
    monkeypatch.setattr(passes, "PASSES", [*passes.PASSES, without_dropout])
    for made in (convolutional(model), quantize_aware(model)):
        assert not any(isinstance(layer, keras.layers.Dropout) for layer in made.layers)
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 48, 48, 1)).astype(np.float32)
    np.testing.assert_allclose(convolutional(model)(pixels), model(pixels), atol=1e-5)
