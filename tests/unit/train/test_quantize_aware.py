from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from drawn_faces import drawn_dataset, save_npz
from fer_core.errors import ArgumentError, FerError
from fer_train.architectures import build_model
from fer_train.config import TrainConfig
from fer_train.network.quantize_aware import FakeQuantize, is_quantize_aware, quantize_aware
from fer_train.run import run_training
from fer_train.run_facts import read_run
from fer_train.run_folder import chosen_config
from fer_train.transfer import load_keras_model

RNG = np.random.default_rng(7)
PICTURES = (RNG.integers(0, 256, (32, 48, 48, 1)).astype(np.float32) - 128) / 128
TARGETS = np.eye(7, dtype=np.float32)[RNG.integers(0, 7, 32)]


def seen(model: keras.Model, steps: int = 4) -> keras.Model:
    """Let the ranges of a model see a few batches, eagerly: a graph would take longer to make."""
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy", run_eagerly=True)
    for _ in range(steps):
        model.train_on_batch(PICTURES, TARGETS)
    return model


@pytest.mark.parametrize(
    "name", ["fer-nano", "mini-xception", "a-regularised", "b-plain", "c-blocks"]
)
def test_rounding_changes_the_answers_little(name: str) -> None:
    model = build_model(name, (48, 48, 1), 7)
    rounded = seen(quantize_aware(model))
    assert rounded.name == f"{name}-qat"
    assert is_quantize_aware(rounded)
    assert not is_quantize_aware(model)
    wanted, got = (np.asarray(each(PICTURES, training=False)) for each in (model, rounded))
    assert 0 < np.abs(got - wanted).max() < 0.05
    codes = got * 256
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-3)
    limits = rounded.get_layer("pixels_range")
    assert (float(limits.low), float(limits.high)) == (-1, 127 / 128)


def test_a_network_as_notebooks_write_it_rounds_its_probabilities_too() -> None:
    chain = [
        layers.Conv2D(8, 5, strides=3),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Dense(9, activation="relu"),
        layers.Dense(7, activation="softmax"),
    ]
    rounded = seen(quantize_aware(keras.Sequential([keras.Input((48, 48, 1)), *chain])))
    codes = np.asarray(rounded(PICTURES, training=False)) * 256
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-3)


def test_ranges_follow_the_batches_and_the_fixed_ones_do_not() -> None:
    layer = FakeQuantize()
    layer(np.array([0.0, 2.0], np.float32), training=True)
    assert (float(layer.low), float(layer.high)) == (0.0, 2.0)  # the first batch counts whole
    layer(np.array([-1.0, 4.0], np.float32), training=True)
    assert (float(layer.low), float(layer.high)) == pytest.approx((-0.01, 2.02))
    layer(np.array([9.0], np.float32), training=False)
    assert float(layer.high) == pytest.approx(2.02)
    fixed = FakeQuantize((0.0, 255 / 256))
    answer = fixed(np.array([0.1, 3.0], np.float32), training=True)
    assert np.asarray(answer).tolist() == [26 / 256, 255 / 256]
    assert FakeQuantize.from_config(fixed.get_config()).limits == (0.0, 255 / 256)


def test_kernels_have_a_scale_for_every_channel() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(2, 1, use_bias=False, name="two")(pixels)
    x = layers.DepthwiseConv2D(3, name="each")(x)
    x = layers.Dense(7, name="logits")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(pixels, layers.Softmax()(x), name="small")
    model.get_layer("two").set_weights([np.array([[[[1.0, 0.01]]]], np.float32)])
    rounded = seen(quantize_aware(model))
    inner = keras.Model(rounded.input, rounded.get_layer("two").output)
    answer = np.asarray(inner(PICTURES, training=False))
    np.testing.assert_allclose(answer[..., 1], 0.01 * answer[..., 0], rtol=1e-4, atol=1e-7)


@pytest.mark.usefixtures("no_trials")
def test_a_saved_model_comes_back(tmp_path: Path) -> None:
    rounded = seen(quantize_aware(build_model("fer-nano", (48, 48, 1), 7)))
    rounded.save(tmp_path / "model.keras")
    again = load_keras_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again(PICTURES, training=False), rounded(PICTURES, training=False)
    )


def test_what_int8_cannot_hold_is_refused() -> None:
    pixels = keras.Input((48, 48, 1))
    x = layers.Activation("tanh", name="late")(layers.GlobalAveragePooling2D()(pixels))
    model = keras.Model(pixels, layers.Dense(7, name="logits")(x), name="odd")
    with pytest.raises(FerError, match="odd cannot be trained quantization-aware: its layers late"):
        quantize_aware(model)


def test_a_run_goes_on_from_a_trained_model(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "drawn.npz", drawn_dataset((6, 3, 1)))
    with pytest.raises(ArgumentError, match="name it with --init"):
        chosen_config(None, None, None, {"qat": True})
    given = {"qat": True, "epochs": 1, "data": str(data), "batch_size": 14}
    config = chosen_config(None, None, "fer-nano", given)
    assert (config.arch, config.learning_rate) == ("fer-nano", 2e-3)
    run_training(config, tmp_path / "run", False, lambda line: None)
    assert read_run(tmp_path / "run" / "model.keras").config.precision == "float32"
    model = load_keras_model(tmp_path / "run" / "model.keras")
    assert is_quantize_aware(model)
    assert float(model.get_layer("logits_range").high) > 0
    with pytest.raises(ArgumentError, match="rounds as int8 does already: start from its parent"):
        chosen_config(None, None, str(tmp_path / "run"), {"qat": True})
    with pytest.raises(ValueError, match="qat goes with precision float32"):
        TrainConfig(qat=True, precision="bfloat16")


def test_a_network_of_ones_own_goes_on_with_its_own_data(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "drawn.npz", drawn_dataset((6, 3, 1)))
    chain = [layers.Conv2D(4, 5, 5, activation="relu"), layers.Flatten()]
    chain.append(layers.Dense(7, activation="softmax"))
    own = keras.Sequential([keras.Input((48, 48, 1)), *chain], name="own")
    (tmp_path / "mine").mkdir()
    own.save(tmp_path / "mine" / "model.keras")
    (tmp_path / "mine" / "config.toml").write_text(f'data = "{data}"\nseed = 5\n')
    init = str(tmp_path / "mine")
    config = chosen_config(None, None, init, {"qat": True, "epochs": 1, "batch_size": 14})
    assert (config.data, config.seed) == (str(data), 5)
    other = chosen_config(None, None, init, {"qat": True, "seed": 2})
    assert (other.seed, other.pictures.seed) == (2, 5)  # the pictures that its parent did not see
    moved = chosen_config(None, None, init, {"qat": True, "data": str(tmp_path / "moved.npz")})
    assert (moved.data, moved.pictures.seed) == (str(tmp_path / "moved.npz"), 5)
    own.save(tmp_path / "of-no-run.keras")
    foreign = chosen_config(None, None, str(tmp_path / "of-no-run.keras"), {"qat": True, "seed": 2})
    assert foreign.pictures.seed == 2
    run_training(config, tmp_path / "run", False, lambda line: None)
    assert load_keras_model(tmp_path / "run" / "model.keras").name == "own-qat"
    with pytest.raises(
        ArgumentError, match="holds own: --init continues from one of a-regularised"
    ):
        chosen_config(None, None, init, {})
    (tmp_path / "mine" / "metrics.json").write_text('{"labels": ["a", "b"]}')
    with pytest.raises(FerError, match=r"7 classes \(a, b\), but .* give the --data"):
        run_training(config, tmp_path / "other", False, lambda line: None)
