"""Quantisation recipes by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuantizationRecipe:
    """How a model is stored: the type of its input and output, and whether it is calibrated."""

    name: str
    io_dtype: str
    calibrated: bool
    summary: str


RECIPES = {
    recipe.name: recipe
    for recipe in (
        QuantizationRecipe("float32", "float32", False, "as trained"),
        QuantizationRecipe("float16", "float32", False, "half-precision weights"),
        QuantizationRecipe("dynamic", "float32", False, "int8 weights, float activations"),
        QuantizationRecipe("int8", "int8", True, "full-integer int8, input and output too"),
        QuantizationRecipe("int16x8", "float32", True, "int16 activations, int8 weights"),
    )
}
