"""Facial expressions on small computers: frames in, faces with expressions out.

    import fer_edge

    for face in fer_edge.ExpressionReader().picture("photo.jpg"):
        print(face.box, face.label, f"{face.confidence:.0%}")

A camera, frame by frame:

    for frame, faces in fer_edge.ExpressionReader().camera(0):
        print([(face.track_id, face.label) for face in faces])

Another model, another detector:

    class Middle:
        def detect(self, frame, known=()):
            box = fer_edge.Box(frame.width // 4, frame.height // 4, 200, 200)
            return (fer_edge.Face(box, score=1.0),)

    reader = fer_edge.ExpressionReader(model="fer-base", detector=Middle())

Everything that happens, for an output of your own:

    class Printed(fer_edge.Output):
        def write(self, frame, seen):
            for event in seen.events:
                print(event.kind, event.track_id, event.label)

    fer_edge.ExpressionReader().run("clip.mp4", Printed())

What is here:

    ExpressionReader  finds faces and says how they look
    shipped_models    the names of the models, and their files
    draw_observations a copy of a picture with boxes, labels and bars
    Observation       one face: box, label, confidence, prediction, track_id, person
    Prediction        a probability for each label
    Face, Box         what a detector finds: a box in pixels, and a score
    Frame             a picture and when it was taken
    FaceDetector      what a detector of your own has to do
    Output            what an output of your own has to do
    Analysis          what an output gets: observations, events, who is present
    ExpressionEvent   a change: a face came, its label changed, it left
    FerError          what went wrong, in words for the user

The command `fer-edge` does the same without a program. TensorFlow is never loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fer_core.errors import FerError
    from fer_core.values import Box, Face, Frame, Observation, Prediction
    from fer_edge.faces.analysis import Analysis
    from fer_edge.faces.detector import FaceDetector
    from fer_edge.faces.events import ExpressionEvent
    from fer_edge.inference.models import shipped_models
    from fer_edge.outputs import Output
    from fer_edge.outputs.overlay import draw_observations
    from fer_edge.reader import ExpressionReader

_HOMES = {
    "ExpressionReader": "fer_edge.reader",
    "shipped_models": "fer_edge.inference.models",
    "FaceDetector": "fer_edge.faces.detector",
    "Output": "fer_edge.outputs",
    "Analysis": "fer_edge.faces.analysis",
    "ExpressionEvent": "fer_edge.faces.events",
    "draw_observations": "fer_edge.outputs.overlay",
    "Observation": "fer_core.values",
    "Prediction": "fer_core.values",
    "Face": "fer_core.values",
    "Box": "fer_core.values",
    "Frame": "fer_core.values",
    "FerError": "fer_core.errors",
}
__all__ = [
    "Analysis",
    "Box",
    "ExpressionEvent",
    "ExpressionReader",
    "Face",
    "FaceDetector",
    "FerError",
    "Frame",
    "Observation",
    "Output",
    "Prediction",
    "draw_observations",
    "shipped_models",
]


def __getattr__(name: str) -> object:
    """Load what is asked for: importing the package alone loads neither OpenCV nor a runtime."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fer_edge' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
