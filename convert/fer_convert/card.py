"""The model card that travels in the bundle."""

from __future__ import annotations

from typing import Any

from fer_convert.parity import ParityReport
from fer_core.labels import FER2013_LABELS
from fer_core.manifest import ModelManifest
from fer_core.text import in_markdown
from fer_edge.inference.trial import LOOKS

_PUBLIC_TEST = dict(zip(FER2013_LABELS, (467, 56, 496, 895, 653, 415, 607), strict=True))
"""Pictures a class of FER2013's PublicTest, by which it is known in any form and order."""

_FER2013 = """
FER2013's pictures are posed or from the web, and people agree with two in three of its labels. It
carries no open license and is in general use for research. The figure to quote is PrivateTest's, by
`fer-bench`; docs/model-card.md of fer-edge-kit has it for the shipped models.
"""

_FERPLUS = """
The pictures are FER2013's, which are posed or from the web. FER2013 carries no open license and is
in general use for research. What counts as right is what most of ten people saw (FER+). Pictures
that they did not agree about are left out, so this accuracy is higher than one on all pictures.
docs/model-card.md of fer-edge-kit has more figures for the shipped models.
"""


def model_card(manifest: ModelManifest, parity: ParityReport) -> str:
    """Return a card in Markdown, every figure from this conversion."""
    facts = manifest.provenance
    size = f"{manifest.input.width}x{manifest.input.height} {manifest.input.colour}"
    labels = ", ".join(map(in_markdown, manifest.labels))
    return f"""# {in_markdown(manifest.name)}, {manifest.recipe}

Says which of {len(manifest.labels)} expressions a face shows: {labels}.

- Input: {size} face crop. Output: one probability a label.
- {facts["parameters"]:,} parameters, {facts["macs"] / 1e6:.1f} million multiply-accumulates a face.
- Accuracy on {parity.count} validation pictures{_chosen(manifest)}:
  {parity.child_accuracy:.2%} (before conversion {parity.parent_accuracy:.2%}; {parity.flips} labels
  changed), macro-F1 {parity.child_macro_f1:.2%}, calibration error {parity.child_ece:.2%}. Measured
  with {parity.runtime}, {parity.kernels} kernels.
- {_training(facts)}

| class | precision | recall | pictures |
|---|---:|---:|---:|
{_rows(parity)}
{_data(facts, parity)}
It was made for one face at a time, cropped as OpenCV's frontal cascade does it. Faces from the
side, in part hidden, dark, or of fewer pixels are harder than these figures say;
`fer-bench --robustness` tells how much.

An expression is not a feeling: this says nothing of a person's inner state. There are no labels of
age, gender or skin tone, so nothing is known of how the figures differ between groups of people.
The EU AI Act forbids inferring emotions at work and in education except for medical or safety
reasons, and asks to inform people elsewhere.
"""


def _chosen(manifest: ModelManifest) -> str:
    """Return what the validation pictures decided."""
    epoch = ["epoch"] if "epochs" in manifest.provenance else []
    divided = [f"temperature ({manifest.temperature:.3f}, divided in)"]
    decided = [*epoch, *(divided if manifest.temperature != 1 else [])]
    return f", which chose {' and '.join(decided)}" if decided else ""


def _training(facts: dict[str, Any]) -> str:
    """Return what a network was trained on, as far as its run says."""
    if "epochs" not in facts:
        return f"Of its training nothing is known here; judged on {facts['data']}."
    parts = [f"{share:.0%} {name}" for name, share in facts["targets"].items()]
    start = f", from {facts['init']} on" if "init" in facts else ""
    if facts.get("init_weight"):
        start += f", whose weights make up {facts['init_weight']:.0%} of its own"
    trained = f"Trained on {facts['data']}{start}. Targets: {', '.join(parts)}."
    if facts.get("networks"):
        trained += f" The weights are the mean of {facts['networks']} such trainings."
    if not facts.get("balance"):
        return trained
    return f"{trained} Balance between rare and frequent classes: {facts['balance']:g} (0 to 1)."


def _data(facts: dict[str, Any], parity: ParityReport) -> str:
    """Return what is to be known of the pictures that judged, as far as they are FER2013's."""
    if facts["data_settings"]["labels"] != "fer2013":
        return _FERPLUS
    return _FER2013 if _judged_by_public_test(parity) else ""


def _judged_by_public_test(parity: ParityReport) -> bool:
    counts = {label: each["support"] for label, each in parity.child_per_class.items()}
    return counts == _PUBLIC_TEST


def _rows(parity: ParityReport) -> str:
    rows = []
    for label, each in parity.child_per_class.items():
        figures = f"{each['precision']:.3f} | {each['recall']:.3f} | {each['support']}"
        rows.append(f"| {in_markdown(label)} | {figures} |")
    return "\n".join(rows)


def adopted_card(manifest: ModelManifest, lines: tuple[str, ...]) -> str:
    """Return the card of a network from elsewhere, with lines on what was found and assumed."""
    found = "\n".join(f"- {line}" for line in lines)
    return f"""# {manifest.name}, adopted

Made by `fer-convert adopt` from {manifest.provenance["adopted_from"]}, a file that fer-edge-kit
did not make. It answered {LOOKS} pictures of noise without a fault. Of its training and accuracy
nothing is known here; `fer-bench` measures it on your data.

{found}

An expression is not a feeling: this says nothing of a person's inner state.
"""
