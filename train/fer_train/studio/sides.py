"""From which side a face is seen, by the landmarks of a detector that tells them."""

from __future__ import annotations

import numpy as np

from fer_core.values import Face

FRONT, LEFT, RIGHT, UP, DOWN = SIDES = ("front", "left", "right", "up", "down")
"""Where a head turns, as its owner says it."""
TURNED = 0.15
"""How far the tip of the nose lies beside the middle of the eyes, in distances of the eyes. Of 174
faces of photos those beyond are turned so that one sees it."""
HIGH, LOW = 0.47, 0.72
"""How far down from the eyes to the mouth the tip of the nose lies. Those photos have 0.47 to 0.71
where people look ahead: heads have to be raised or lowered well."""


def side_of(face: Face) -> str:
    """Return one of SIDES; empty where the detector tells no landmarks."""
    if not face.landmarks:
        return ""
    right_eye, left_eye, nose, *mouth = np.array(face.landmarks, np.float64)
    across = left_eye - right_eye
    eyes = float(np.linalg.norm(across))
    down = np.array([-across[1], across[0]])
    to_nose, to_mouth = (each - (right_eye + left_eye) / 2 for each in (nose, sum(mouth) / 2))
    if not eyes or not float(to_mouth @ down):
        return ""  # landmarks of no face
    sideways = float(to_nose @ across) / eyes**2
    if abs(sideways) > TURNED:
        return LEFT if sideways > 0 else RIGHT
    height = float(to_nose @ down) / float(to_mouth @ down)
    return UP if height < HIGH else DOWN if height > LOW else FRONT
