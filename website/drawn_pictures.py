"""Drawings of how the parts hang together, made from the tables of the code and from a bundle."""

from __future__ import annotations

import io
import json
import zipfile

from fer_core.bundle import ModelBundle
from fer_edge.faces.analysis import MIN_SIGHTINGS
from fer_edge.faces.detectors import DETECTORS
from fer_edge.faces.smoothing import DWELL_SECONDS, TIME_CONSTANT_SECONDS
from fer_edge.faces.tracks import MEMORY_SECONDS
from fer_edge.inference.models import load_model
from fer_edge.session.outputs import OUTPUTS
from fer_edge.session.sources import SOURCES
from svg import Svg

_UNSEEN = {"heat", "load", "console"}
"""Outputs that are there unasked."""
_SETTINGS = {"mqtt": "mqtt (a setting)"}
"""Outputs that are asked for in a settings file alone."""


def pipeline() -> str:
    """Draw the way of one frame through fer-edge."""
    spec = load_model().manifest.input
    drawing = Svg(1000, 320, "One frame's way through fer-edge")
    outputs = [_SETTINGS.get(name, f"--{name}") for name in OUTPUTS if name not in _UNSEEN]
    size = f"crop: {spec.width}x{spec.height} {spec.colour}"
    average = f"average over {TIME_CONSTANT_SECONDS:g} s"
    drawing.box(20, 50, 120, "sources", list(SOURCES), "blue")
    drawing.box(180, 50, 170, "find faces", [*DETECTORS, "search, then follow"], "green")
    lasts = f"kept for {MEMORY_SECONDS:g} s when lost"
    drawing.box(390, 50, 180, "track", ["a number for each face", lasts], "green")
    drawing.box(
        610, 50, 170, "classify", [size, "int8 network", "a share for each label"], "yellow"
    )
    drawing.box(610, 190, 170, "smooth", [average, f"label holds {DWELL_SECONDS:g} s"], "yellow")
    told = f"from {MIN_SIGHTINGS} frames on"
    drawing.box(390, 190, 180, "events", ["started, changed, ended", told], "red")
    drawing.box(830, 50, 150, "outputs", ["the terminal", *outputs], "blue")
    for left, right in ((140, 180), (350, 390), (570, 610)):
        drawing.arrow((left, 85), (right, 85))
    drawing.arrow((695, 138), (695, 190))
    drawing.arrow((610, 225), (570, 225))
    drawing.arrow((780, 225), (830, 225))
    drawing.arrow((480, 260), (480, 290), (805, 290), (805, 245), (830, 245))
    drawing.text(20, 30, "One frame's way", font_size=18, font_weight="bold")
    return drawing.finished()


def bundle() -> str:
    """Draw what is in the bundle of the default model, with the size of each part."""
    model = load_model()
    content = model.path.read_bytes() if model.path else model.to_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sizes = {each.filename: (each.file_size, each.compress_size) for each in archive.infolist()}
        manifest, comment = json.loads(archive.read("manifest.json")), archive.comment
    drawing = Svg(860, 428, f"What is in {model.name}.tflite")
    drawing.text(
        20, 34, f"{model.name}.tflite: {len(content):,} bytes", font_size=18, font_weight="bold"
    )
    drawing.box(20, 54, 330, "flatbuffer", _network_lines(model), "yellow")
    top = 170
    for name, (size, packed) in sizes.items():
        said = f"{size:,} bytes, {packed:,} in the zip"
        top = drawing.box(20, top, 330, name, [said], "blue") + 10
    said = f"{len(comment)} bytes: who signed all bytes above"
    drawing.box(20, top, 330, "signature", [said], "green")
    drawing.box(430, 170, 410, "manifest.json says", _manifest_lines(manifest), "gray")
    drawing.arrow((350, 195), (430, 195))
    drawing.text(430, 84, "Any TFLite runtime loads the file", fill="#1f2430")
    drawing.text(430, 104, "and sees only this part.")
    drawing.arrow((425, 80), (350, 80))
    drawing.text(430, 144, "fer-edge and unzip read the rest.")
    return drawing.finished()


def _network_lines(model: ModelBundle) -> list[str]:
    return [
        f"{len(model.model):,} bytes",
        "weights and operations, scale and zero point",
        f"SHA-256 {model.manifest.sha256[:12]}...",
    ]


def _manifest_lines(manifest: dict[str, object]) -> list[str]:
    spec, labels = manifest["input"], manifest["labels"]
    return [
        f"name: {manifest['name']}, recipe: {manifest['recipe']}",
        f"labels: {', '.join(labels)}",
        f"input: {spec['width']}x{spec['height']} {spec['colour']}, margin {spec['margin']:g}",
        f"sha256: {manifest['sha256'][:12]}..., so a damaged file is refused",
        f"temperature: {manifest['temperature']:.3g}",
        "metrics: accuracy and label flips at conversion",
        "provenance: versions, data, the command",
        "golden: what it answers to seven known faces",
    ]
