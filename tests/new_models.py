"""Bundles to send to a device: made of a shipped network, as flatbuffers without TensorFlow."""

from __future__ import annotations

from dataclasses import replace

from fer_core.bundle import ModelBundle

LARGE_BYTES = 1000
"""Buffers of a flatbuffer from this size on are weights."""


def renamed(bundle: ModelBundle, name: str, mark: str = "my-") -> ModelBundle:
    """Return the same network under another name, with other labels unless the mark is ""."""
    labels = tuple(f"{mark}{label}" for label in bundle.manifest.labels)
    manifest = replace(bundle.manifest, name=name, labels=labels)
    return ModelBundle(bundle.model, manifest, "card")


def constant(bundle: ModelBundle) -> ModelBundle:
    """Return a network that answers the same whatever it sees: its weights are zero."""
    from ai_edge_litert import schema_py_generated as schema

    content = bytearray(bundle.model)
    model = schema.Model.GetRootAs(content)
    for index in range(model.BuffersLength()):
        if model.Buffers(index).DataLength() >= LARGE_BYTES:
            model.Buffers(index).DataAsNumpy()[:] = 0
    return ModelBundle(bytes(content), replace(bundle.manifest, name="constant"), "card")
