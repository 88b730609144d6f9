"""Make golden.json anew, after a change that is meant to change bytes:

    .venv/bin/python tests/golden/make_golden.py

faces.npz (a drawn frame and seven drawn 48x48 faces) is made once and stays.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from fer_core.bundle import ModelBundle  # noqa: E402  # after the path is set
from fer_core.preprocess import InputSpec  # noqa: E402
from fer_core.values import Box, Face, Frame  # noqa: E402
from fer_edge.inference.interpreter import TfliteModel  # noqa: E402
from fer_edge.inference.models import shipped_models  # noqa: E402

CROPS = {
    "larger than the input": (InputSpec(), Box(60, 20, 120, 120)),
    "not a whole factor": (InputSpec(margin=0.1), Box(70, 30, 101, 97)),
    "smaller than the input": (InputSpec(), Box(100, 60, 31, 31)),
    "exactly the input": (InputSpec(), Box(90, 50, 48, 48)),
    "beyond the frame": (InputSpec(), Box(-20, 90, 90, 90)),
    "rgb": (InputSpec(colour="rgb"), Box(60, 20, 120, 120)),
    "leaning": (InputSpec(), Box(60, 20, 120, 120), 30.0),
    "leaning, smaller than the input": (InputSpec(), Box(100, 60, 31, 31), -45.0),
    "leaning beyond the frame": (InputSpec(), Box(-20, 90, 90, 90), 17.5),
}


def crop_hash(frame: Frame, spec: InputSpec, box: Box, roll_degrees: float = 0.0) -> str:
    """Return the SHA-256 of a crop's bytes."""
    face = Face(box, 1.0, roll_degrees)
    return hashlib.sha256(spec.pixels(frame, face).tobytes()).hexdigest()


def reference_codes(path: Path, faces: np.ndarray) -> list[list[int]]:
    """Return what a shipped model's output layer says to each face with the reference kernels."""
    model = TfliteModel(ModelBundle.load(path), kernels="reference")
    return [model.invoke(model.prepared(face[..., None])).tolist() for face in faces]


def main() -> None:
    held = HERE / "faces.npz"
    if not held.exists():
        import cv2

        from drawn_faces import draw_face, draw_scene
        from fer_core.labels import FER2013_LABELS

        scene = cv2.resize(draw_scene("happy"), (240, 180), interpolation=cv2.INTER_AREA)
        faces = [cv2.cvtColor(draw_face(e, 48), cv2.COLOR_BGR2GRAY) for e in FER2013_LABELS]
        np.savez_compressed(held, scene=scene, faces=np.stack(faces))
    with np.load(held) as arrays:
        frame, faces = Frame(arrays["scene"], 0, 0.0), arrays["faces"]
    golden = {
        "crops": {name: crop_hash(frame, *how) for name, how in CROPS.items()},
        "codes": {name: reference_codes(path, faces) for name, path in shipped_models().items()},
    }
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
