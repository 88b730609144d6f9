import ast
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import fer_convert
from convert_cases import VARIED, small_net
from fer_convert.contents import read_contents
from fer_convert.export import export_flatbuffer
from fer_convert.recipes import RECIPES, chosen_recipes, mixed
from fer_core.errors import FerError
from fer_edge.inference.interpreter import load_runtime
from fer_train.network.quantize_aware import quantize_aware

TRAINING = VARIED.part("train")


@pytest.fixture(scope="module")
def net() -> keras.Model:
    keras.utils.set_random_seed(3)
    return small_net(keras.layers.ReLU(name="bend"), keras.layers.Conv2D(32, 3, name="wide"))


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_file_has_the_types_that_the_recipe_names(name: str, net: keras.Model) -> None:
    recipe = RECIPES[name]
    flatbuffer = export_flatbuffer(net, recipe, TRAINING)
    operations = read_contents(flatbuffer).operations
    convolution = next(o for o in operations if o.kind == "CONV_2D")
    assert recipe.activations in {each.lower() for each in convolution.types}
    assert recipe.weights in {each.lower() for o in operations for each in o.types}
    interpreter = load_runtime().Interpreter(model_content=flatbuffer)
    ends = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert {np.dtype(each["dtype"]).name for each in ends} == {recipe.io}


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_name_decides_nothing(name: str, net: keras.Model) -> None:
    renamed = replace(RECIPES[name], name="another")
    made = [export_flatbuffer(net, each, TRAINING) for each in (RECIPES[name], renamed)]
    assert made[0] == made[1]


def test_a_name_decides_nothing_for_a_network_trained_with_rounding(net: keras.Model) -> None:
    rounded = quantize_aware(net)
    rounded(np.linspace(-1, 1, 48 * 48, dtype=np.float32).reshape(1, 48, 48, 1), training=True)
    assert export_flatbuffer(rounded, replace(RECIPES["int8"], name="another"))
    with pytest.raises(FerError, match="only --int8 fits it"):
        export_flatbuffer(rounded, replace(RECIPES["dynamic"], name="int8"))
    with pytest.raises(FerError, match="only --int8 fits it"):
        export_flatbuffer(rounded, replace(mixed(["bend"]), name="int8"))


def decisions_by_name(source: str) -> list[str]:
    """Return where code does more with a recipe's name than write it down."""
    kinds = (ast.Compare, ast.Subscript, ast.Match, ast.Call, ast.BoolOp, ast.IfExp)
    written = {"_make_manifest", "ModelManifest"}
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, kinds)
        for each in ast.iter_child_nodes(node)
        if ast.unparse(each).startswith("recipe.name")
        and ast.unparse(node).split("(")[0] not in written
    ]


@pytest.mark.parametrize(
    "line", ["recipe.name == 'int8'", "OPS[recipe.name]", "recipe.name.startswith('int')"]
)
def test_decisions_by_name_are_found(line: str) -> None:
    assert decisions_by_name(line)


def test_no_code_decides_by_the_name_of_a_recipe() -> None:
    sources = Path(fer_convert.__file__).parent.glob("*.py")
    assert [found for path in sources for found in decisions_by_name(path.read_text())] == []


def test_layers_to_keep_in_float_change_int8_alone() -> None:
    assert [each.calibrated for each in RECIPES.values()] == [False, False, False, True, True]
    chosen = chosen_recipes(["float16", "int8"], ["logits"])
    assert [each.name for each in chosen] == ["float16", "mixed"]
    assert chosen[1].keep_float == ("logits",)
    assert RECIPES["int8"].full_integer
    assert not chosen[1].full_integer
