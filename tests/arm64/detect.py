"""Find a leaning picture's face: run by the Python of each processor, compared by the test.

detect.py PICTURE DETECTOR FACES.npz
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from fer_core.preprocess import InputSpec
from fer_core.values import Frame
from fer_edge.faces.detector import DetectorRequest
from fer_edge.faces.detectors import make_detector

picture, name, out = sys.argv[1:]
detector, pixels = make_detector(name, DetectorRequest(stream=False)), cv2.imread(picture)
rows, crops = [], []
for degrees in (-45, 0, 20):
    turn = cv2.getRotationMatrix2D((224.0, 120.0), degrees, 1.0)
    turned = cv2.warpAffine(pixels, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    frame = Frame(np.asarray(turned, np.uint8), 0, 0.0)
    for face in detector.detect(frame):
        box = face.box
        rows.append((degrees, box.x, box.y, box.width, box.height, face.roll_degrees))
        crops.append(InputSpec().pixels(frame, face))
np.savez(Path(out), rows=rows, crops=crops)
