"""What a bundle says of its model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from fer_core.errors import FerError
from fer_core.preprocess import InputSpec
from fer_core.text import is_plain_name
from fer_core.typed_json import convert_json, plain_json

SCHEMA_VERSION = 2
_WHAT = "the model's manifest"

_Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f\x7f]+\Z")]
_Label = Annotated[str, Meta(min_length=1, max_length=200)]
_Count = Annotated[int, Meta(ge=0)]


class Provenance(TypedDict, total=False):
    """What is read again of where a model came from; more may stand beside it."""

    parameters: _Count
    macs: _Count
    activation_bytes: _Count
    min_runtime: str
    data: str
    data_settings: dict[str, str | int | bool]
    validation_fingerprint: str
    held_out: Annotated[str, Meta(pattern=r"^[0-9 ]*$")]
    source_sha256: str
    parent_classes: Annotated[str, Meta(pattern=r"^[0-9 ]*$")]
    command: str
    max_drop_points: float
    epochs: _Count
    recipe_epochs: _Count
    fer_edge_kit: str
    keras: str


class Validation(TypedDict, total=False):
    """What is read again of how a bundle was judged at conversion."""

    flips: _Count
    child_accuracy: Annotated[float, Meta(ge=0, le=1)]
    runtime: str
    kernels: str


class Metrics(TypedDict, total=False):
    """Figures as measured at conversion."""

    validation: Validation


@dataclass(frozen=True, slots=True)
class GoldenAnswers:
    """What a network answered at conversion to a few known faces.

    Attributes:
        version: Of the faces.
        answers: Probabilities, a row for each face.
    """

    version: _Count
    answers: tuple[tuple[Annotated[float, Meta(ge=0, le=1)], ...], ...]


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What a model is: its labels, input, recipe, and where it came from.

    Attributes:
        sha256: That of the flatbuffer, in hexadecimal.
        temperature: What the last layer's weights were divided by before conversion.
        output: What the network gives: "probabilities", or "logits" if it ends without a softmax.
        metrics: Figures as measured at conversion.
        provenance: Parameters, multiply-accumulates, calibration rows, versions, command line.
        golden: What it answers to known faces; None in bundles of earlier versions.
    """

    name: _Name
    labels: Annotated[tuple[_Label, ...], Meta(min_length=2, max_length=10_000)]
    input: InputSpec
    recipe: _Name
    sha256: str = ""
    temperature: Annotated[float, Meta(gt=0, lt=1e6)] = 1.0
    output: Annotated[str, Meta(pattern="^(probabilities|logits)$")] = "probabilities"
    metrics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    golden: GoldenAnswers | None = None
    schema_version: Annotated[int, Meta(ge=1)] = 1

    def to_json(self) -> str:
        """Return the manifest as indented JSON.

        What every network of ours has (`values` of the input, `output`) is left out: earlier
        versions read such a manifest, and have to be told to update only for others.
        """
        values = asdict(self)
        if self.golden is None:
            del values["golden"]
        usual = InputSpec().values
        if self.input.values == usual and self.output == "probabilities":
            values["schema_version"] = 1
            del values["input"]["values"], values["output"]
        else:
            values["schema_version"] = SCHEMA_VERSION
        return json.dumps(values, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelManifest:
        """Return the manifest in JSON text.

        Raises:
            FerError: It is none of ours, or of a later schema.
        """
        values = plain_json(text, _WHAT)
        version = values.get("schema_version") if isinstance(values, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise FerError(
                f"{_WHAT} has schema {version}, this program reads up to {SCHEMA_VERSION}: "
                "upgrade fer-edge-kit here",
                see="model-too-new",
            )
        if version is None:
            raise FerError(f"{_WHAT} cannot be read: it has no schema_version")
        manifest = convert_json(values, cls, _WHAT)
        convert_json(manifest.provenance, Provenance, f"{_WHAT}: provenance")
        convert_json(manifest.metrics, Metrics, f"{_WHAT}: metrics")
        if not all(map(is_plain_name, manifest.labels)):
            raise FerError(f"{_WHAT} cannot be read: a label holds a control character")
        if len(set(manifest.labels)) < len(manifest.labels):
            raise FerError(f"{_WHAT} cannot be read: it names a label twice")
        return manifest
