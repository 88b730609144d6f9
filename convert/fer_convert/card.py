"""The model card that travels in the bundle."""

from __future__ import annotations

from fer_convert.verify import ParityReport
from fer_core.bundle import ModelManifest
from fer_core.labels import FER2013_LABELS

_PUBLIC_TEST = dict(zip(FER2013_LABELS, (467, 56, 496, 895, 653, 415, 607), strict=True))
"""Pictures a class of FER2013's PublicTest, by which it is known in any form and order."""

_FER2013 = """
FER2013's pictures are posed or from the web, and people agree with two in three of its labels. It
carries no open licence and is in general use for research. Training took its Training pictures,
PublicTest chose epoch and temperature; the figure to quote is PrivateTest's, by `fer-bench`.
"""


def model_card(manifest: ModelManifest, parity: ParityReport) -> str:
    """Return a card in Markdown, every figure from this conversion."""
    facts = manifest.provenance
    size = f"{manifest.input.width}x{manifest.input.height} {manifest.input.colour}"
    return f"""# {manifest.name}, {manifest.recipe}

Says which of {len(manifest.labels)} expressions a face shows: {", ".join(manifest.labels)}.

- Input: {size} face crop. Output: one probability a label.
- {facts["parameters"]:,} parameters, {facts["macs"] / 1e6:.1f} million multiply-accumulates a face.
- Accuracy on the {parity.count} validation pictures, where epoch and temperature were chosen:
  {parity.child_accuracy:.2%} (before conversion {parity.parent_accuracy:.2%}; {parity.flips} labels
  changed), macro-F1 {parity.child_macro_f1:.2%}. Calibration error {parity.child_ece:.2%} with the
  temperature {manifest.temperature:.3f} divided in. Measured with {parity.runtime},
  {parity.kernels} kernels.
- Trained on {facts["data"]}.

| class | precision | recall | pictures |
|---|---:|---:|---:|
{_rows(parity)}
{_FER2013 if _judged_by_public_test(parity) else ""}
It was made for one face at a time, cropped as OpenCV's frontal cascade does it. Faces from the
side, in part hidden, dark, or of fewer pixels are harder than these figures say;
`fer-bench --robustness` tells how much.

An expression is not a feeling: this says nothing of a person's inner state. There are no labels of
age, gender or skin tone, so nothing is known of how the figures differ between groups of people.
The EU AI Act forbids inferring emotions at work and in education save for medical or safety
reasons, and asks to inform people elsewhere.
"""


def _judged_by_public_test(parity: ParityReport) -> bool:
    counts = {label: each["support"] for label, each in parity.child_per_class.items()}
    return counts == _PUBLIC_TEST


def _rows(parity: ParityReport) -> str:
    return "\n".join(
        f"| {label} | {each['precision']:.3f} | {each['recall']:.3f} | {each['support']} |"
        for label, each in parity.child_per_class.items()
    )
