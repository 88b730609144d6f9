import keras
import pytest

from fer_core.errors import ArgumentError
from fer_core.settings import load_settings
from fer_train.architectures import ARCHITECTURES, build_model
from fer_train.config import TrainConfig
from fer_train.shipped import full_name, shipped_architectures, shipped_config

PARAMETERS = {
    "fer-nano": 57_783,
    "fer-small": 367_751,
    "fer-base": 1_146_967,
    "mini-xception": 58_423,
    "resnet-20": 273_559,
    "vgg-11": 9_231_175,
    "a-regularised": 3_317_255,
    "b-plain": 355_847,
    "c-blocks": 981_639,
    "d-wide": 4_232_199,
    "e-dense": 2_866_823,
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_networks_have_the_size_that_their_recipes_name(name: str) -> None:
    model = build_model(name, (48, 48, 1), 7)
    assert model.name == name
    assert model.count_params() == PARAMETERS[name]
    assert model.output_shape == (None, 7)
    assert model.get_layer("logits") is not None
    head = shipped_config(name).read_text().splitlines()[0]
    count = PARAMETERS[name]
    told = f"{count / 1e6:.1f} M" if count > 1e6 else f"{count / 1e3:.0f} k"
    assert f"{told} parameters" in head


@pytest.mark.parametrize("name", ["fer-nano", "resnet-20", "c-blocks", "e-dense"])
def test_networks_take_other_sizes_colours_and_classes(name: str) -> None:
    model = build_model(name, (64, 64, 3), 4)
    assert model.input_shape == (None, 64, 64, 3)
    assert model.output_shape == (None, 4)


def test_starting_points_have_the_layers_described() -> None:
    def of(name: str, kind: type[keras.layers.Layer]) -> list[keras.layers.Layer]:
        layers = build_model(name, (48, 48, 1), 7).layers
        return [layer for layer in layers if isinstance(layer, kind)]

    filters = {
        "a-regularised": [32, 64, 128, 512, 512],
        "d-wide": [128, 256, 512, 512],
        "e-dense": [32, 64, 128, 128],
    }
    dense = {"a-regularised": [256, 512], "d-wide": [512, 256], "e-dense": [1024, 512]}
    for name, expected in filters.items():
        assert [layer.filters for layer in of(name, keras.layers.Conv2D)] == expected
        assert [layer.units for layer in of(name, keras.layers.Dense)] == [*dense[name], 7]
    l2 = [layer.kernel_regularizer for layer in of("a-regularised", keras.layers.Conv2D)]
    assert [None if r is None else round(float(r.l2), 4) for r in l2] == [None] * 3 + [0.01] * 2
    assert len(of("e-dense", keras.layers.MaxPooling2D)) == 3
    assert {layer.rate for layer in of("d-wide", keras.layers.Dropout)} == {0.3, 0.4}


def test_every_network_has_a_recipe_that_reads() -> None:
    assert set(shipped_architectures()) == set(ARCHITECTURES)
    for name in ARCHITECTURES:
        assert load_settings(TrainConfig, shipped_config(name), {}).arch == name


def test_letters_and_names_find_their_network() -> None:
    assert [full_name(letter) for letter in "abcde"] == [
        "a-regularised",
        "b-plain",
        "c-blocks",
        "d-wide",
        "e-dense",
    ]
    assert full_name("fer-nano") == "fer-nano"
    for unknown in ("f", "fer", "resnet-9000", ""):
        with pytest.raises(ArgumentError, match="there are a-regularised, b-plain"):
            full_name(unknown)
    with pytest.raises(ArgumentError, match=r"; did you mean fer-nano\?$"):
        full_name("Fer-nanno")


def test_a_picture_too_small_for_a_network_is_said() -> None:
    with pytest.raises(ArgumentError, match="d-wide cannot be built for pictures of 16x16"):
        build_model("d-wide", (16, 16, 1), 7)
    with pytest.raises(ArgumentError, match="no architecture 'x'"):
        build_model("x", (48, 48, 1), 7)
