"""Quantisation recipes by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuantizationRecipe:
    """How a model is stored, whether pictures calibrate its activations, what stays float32.

    `keep_float` are names of Keras layers, of "mixed" alone.
    """

    name: str
    calibrated: bool
    keep_float: tuple[str, ...] = ()


def mixed(keep_float: Sequence[str]) -> QuantizationRecipe:
    """Return int8 with some layers in float32."""
    return QuantizationRecipe("mixed", calibrated=True, keep_float=tuple(keep_float))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        QuantizationRecipe("float32", calibrated=False),
        QuantizationRecipe("float16", calibrated=False),
        QuantizationRecipe("dynamic", calibrated=False),
        QuantizationRecipe("int8", calibrated=True),
        QuantizationRecipe("int16x8", calibrated=True),
    )
}
"""As trained; half-precision weights; int8 weights and float activations; int8 throughout, input
and output too; int16 activations and int8 weights. All but int8 take and give float32."""


def chosen_recipes(
    names: Sequence[str], keep_float: Sequence[str] | None = None
) -> list[QuantizationRecipe]:
    """Return the recipes of these names; layers to keep in float32 make "int8" a mixed one."""
    recipes = [RECIPES[name] for name in names]
    if not keep_float:
        return recipes
    return [mixed(keep_float) if recipe.name == "int8" else recipe for recipe in recipes]
