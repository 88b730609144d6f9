"""Quantisation recipes by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuantizationRecipe:
    """How a model is stored, and whether pictures calibrate its activations."""

    name: str
    calibrated: bool


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
