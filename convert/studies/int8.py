"""How many calibration pictures int8 needs, and which quantizer loses least.

    pip install ai-edge-quantizer
    python convert/studies/int8.py RUN... --out docs/decisions/0008-int8.json

Every figure is of the int8 file on the validation pictures of the run's own data (XNNPACK), beside
the float32 model with the same temperature. Takes some minutes a network.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_convert.calibration import fit_temperature, representative_set
from fer_convert.contents import read_contents
from fer_convert.export import export_flatbuffer
from fer_convert.parity import compare_models
from fer_convert.recipes import RECIPES
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.files import write_text
from fer_core.manifest import ModelManifest
from fer_core.preprocess import INPUT_RANGE
from fer_core.values import FloatArray
from fer_edge.inference.interpreter import TfliteModel
from fer_train.backend import start_quietly
from fer_train.data import model_inputs, predict
from fer_train.network.convolutional import convolutional
from fer_train.network.logits import divide_logits
from fer_train.run_facts import saved_config
from fer_train.run_folder import model_file
from fer_train.transfer import load_keras_model

SIZES, SEEDS = (16, 32, 64, 128, 256, 512, 1024, 2048), (1, 2, 3, 4, 5)
COMPARED = 512
PACKAGES = ("tensorflow-cpu", "keras", "ai-edge-quantizer", "ai-edge-litert", "numpy")


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A trained network with its temperature divided in, its data and its own answers."""

    model: keras.Model
    dataset: FerDataset
    answers: FloatArray

    @classmethod
    def load(cls, run: Path) -> Subject:
        """Load the model of a run folder and the data that its config.toml names."""
        file = model_file(run)
        model, dataset = load_keras_model(file), saved_config(file.parent).pictures.load()
        validation = dataset.part("validation")
        divide_logits(model, fit_temperature(predict(model, validation), validation.labels))
        return cls(model, dataset, predict(model, validation))

    def judge(self, flatbuffer: bytes) -> dict[str, Any]:
        """Return what the file does with the validation pictures, and whether it is all integer."""
        validation = self.dataset.part("validation")
        manifest = ModelManifest(self.model.name, validation.label_names, validation.spec, "int8")
        parity = compare_models(
            self.answers, TfliteModel(ModelBundle(flatbuffer, manifest)), validation
        )
        return {
            "accuracy": round(parity.child_accuracy, 5),
            "flips": parity.flips,
            "bytes": len(flatbuffer),
            "float_operations": sum(
                not op.is_integer for op in read_contents(flatbuffer).operations
            ),
        }


def by_tensorflow(subject: Subject, chosen: FerDataset) -> bytes:
    """Quantize as fer-convert does."""
    return export_flatbuffer(subject.model, RECIPES["int8"], chosen)


def by_ai_edge_quantizer(subject: Subject, chosen: FerDataset) -> bytes:
    """Quantize the float32 file of the same convolutions with static int8."""
    from ai_edge_quantizer import quantizer, recipe

    float32 = export_flatbuffer(convolutional(subject.model), RECIPES["float32"], chosen)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "float32.tflite")
        file.write_bytes(float32)
        maker = quantizer.Quantizer(str(file), recipe.static_wi8_ai8())
        inputs = model_inputs(chosen)
        pictures = [{"pixels": inputs[i : i + 1]} for i in range(len(inputs))]
        observed = maker.calibrate({"serving_default": pictures}, num_threads=1)
        (taken,) = (name for name in observed if name.endswith("pixels:0"))
        for bound, value in zip(("min", "max"), INPUT_RANGE, strict=True):
            observed[taken][bound] = np.full_like(observed[taken][bound], value)
        return bytes(maker.quantize(observed, enable_progress_report=False).quantized_model)


def measured(subject: Subject) -> Iterator[dict[str, Any]]:
    """Yield a row for every size and seed, and for ai-edge-quantizer at one size."""
    training = subject.dataset.part("train")
    cases = [("tensorflow", size, seed) for size in SIZES for seed in SEEDS]
    cases += [("ai-edge-quantizer", COMPARED, seed) for seed in SEEDS]
    make = {"tensorflow": by_tensorflow, "ai-edge-quantizer": by_ai_edge_quantizer}
    for name, size, seed in cases:
        flatbuffer = make[name](subject, representative_set(training, size, seed))
        yield {"quantizer": name, "pictures": size, "seed": seed, **subject.judge(flatbuffer)}


def table(model: str, parent: float, rows: Sequence[dict[str, Any]]) -> str:
    """Return Markdown: a line for every quantizer and size, over its seeds."""
    lines = [
        f"{model}: float32 {parent:.2%}",
        "",
        "| quantizer | pictures | accuracy: mean | lowest | highest | flips: mean | KiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, size in dict.fromkeys((row["quantizer"], row["pictures"]) for row in rows):
        same = [row for row in rows if (row["quantizer"], row["pictures"]) == (name, size)]
        accuracy = 100 * np.array([row["accuracy"] for row in same])
        flips = np.mean([row["flips"] for row in same])
        lines.append(
            f"| {name} | {size:,} | {accuracy.mean():.2f} | {accuracy.min():.2f} | "
            f"{accuracy.max():.2f} | {flips:.0f} | {same[0]['bytes'] / 1024:,.0f} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure every run and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    start_quietly()
    found: dict[str, Any] = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    for run in asked.runs:
        subject = Subject.load(run)
        truth = subject.dataset.part("validation").labels
        parent = float((subject.answers.argmax(axis=1) == truth).mean())
        rows = list(measured(subject))
        found[subject.model.name] = {
            "float32_accuracy": round(parent, 5),
            "versions": {name: version(name) for name in PACKAGES},
            "rows": rows,
        }
        write_text(asked.out, json.dumps(found, indent=1) + "\n")
        print(table(subject.model.name, parent, rows), flush=True)


if __name__ == "__main__":
    main()
