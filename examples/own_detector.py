"""Your own face detector: any object with a method `detect`.

python examples/own_detector.py photo.jpg

This one takes another of OpenCV's cascades. It could be a network, or a fixed place in the picture.
"""

import sys
from collections.abc import Sequence

import cv2

import fer_edge


class CascadeDetector:
    """Finds faces with a cascade of OpenCV."""

    def __init__(self, name: str = "haarcascade_frontalface_alt2.xml") -> None:
        self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + name)

    def detect(
        self, frame: fer_edge.Frame, known: Sequence[fer_edge.Face] = ()
    ) -> tuple[fer_edge.Face, ...]:
        """Return the faces, the largest first; `known` are those of the frame before."""
        gray = cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2GRAY)
        boxes = [fer_edge.Box(*map(int, found)) for found in self._cascade.detectMultiScale(gray)]
        boxes.sort(key=lambda box: -box.area_px)
        return tuple(fer_edge.Face(box, score=1.0) for box in boxes)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/own_detector.py PHOTO")
    reader = fer_edge.ExpressionReader(detector=CascadeDetector())
    for face in reader.picture(sys.argv[1]):
        print(face.box, face.label, f"{face.confidence:.0%}")
