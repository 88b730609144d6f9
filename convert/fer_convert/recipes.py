"""Quantisation recipes by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuantizationRecipe:
    """How a model is stored, whether pictures calibrate its activations, what stays float32.

    `keep_float` are names of Keras layers, of "mixed" alone; `otherwise` is what to try where it
    loses too much.
    """

    name: str
    calibrated: bool
    otherwise: str
    keep_float: tuple[str, ...] = ()


def mixed(keep_float: Sequence[str]) -> QuantizationRecipe:
    """Return int8 with some layers in float32."""
    otherwise = "more layers with --keep-float, as --explain tells, or --float16"
    return QuantizationRecipe("mixed", True, otherwise, tuple(keep_float))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        QuantizationRecipe("float32", False, "another --data: nothing is rounded here"),
        QuantizationRecipe("float16", False, "--float32"),
        QuantizationRecipe("dynamic", False, "--float16"),
        QuantizationRecipe(
            "int8",
            True,
            "fer-train --qat, --keep-float for what --explain marks, or --float16",
        ),
        QuantizationRecipe("int16x8", True, "more --calibration-samples, or --float16"),
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
