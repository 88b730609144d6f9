"""Quantization recipes: every setting of post-training quantization, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class QuantizationRecipe:
    """How a network is stored, and what it computes with.

    Attributes:
        name: For file names, messages and manifests alone: no code asks for it.
        otherwise: What to try where the recipe loses too much.
        weights: "float32", "float16" or "int8".
        activations: What layers give, "float32", "int8" or "int16".
        io: What the network takes and gives, "float32" or "int8".
        keep_float: Names of Keras layers that stay float32.
    """

    name: str
    otherwise: str
    weights: str = "float32"
    activations: str = "float32"
    io: str = "float32"
    keep_float: tuple[str, ...] = ()

    @property
    def calibrated(self) -> bool:
        """Whether a representative data set has to say which ranges the activations have."""
        return self.activations != "float32"

    @property
    def full_integer(self) -> bool:
        """Whether every layer, the input and the output are int8."""
        return self.io == "int8" and not self.keep_float

    @property
    def dynamic_range(self) -> bool:
        """Whether weights are int8 and activations float32, rounded where they are used."""
        return self.weights == "int8" and not self.calibrated


RECIPES = {
    recipe.name: recipe
    for recipe in (
        QuantizationRecipe("float32", "another --data: nothing is rounded here"),
        QuantizationRecipe("float16", "--float32", weights="float16"),
        QuantizationRecipe("dynamic", "--float16", weights="int8"),
        QuantizationRecipe(
            "int8",
            "fer-train --qat, --keep-float for what --layer-errors marks, or --float16",
            weights="int8",
            activations="int8",
            io="int8",
        ),
        QuantizationRecipe(
            "int16x8",
            "more --calibration-samples, or --float16",
            weights="int8",
            activations="int16",
        ),
    )
}


def mixed(keep_float: Sequence[str]) -> QuantizationRecipe:
    """Return int8 with some layers in float32."""
    otherwise = "more layers with --keep-float, as --layer-errors tells, or --float16"
    kept = tuple(keep_float)
    return replace(RECIPES["int8"], name="mixed", otherwise=otherwise, keep_float=kept)


def chosen_recipes(
    names: Sequence[str], keep_float: Sequence[str] | None = None
) -> list[QuantizationRecipe]:
    """Return the recipes of these names; layers to keep in float32 make "int8" a mixed one."""
    recipes = [RECIPES[name] for name in names]
    if not keep_float:
        return recipes
    return [mixed(keep_float) if recipe.full_integer else recipe for recipe in recipes]
