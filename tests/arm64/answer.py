"""Answer pictures and find faces: run by the Python of each processor, compared by the tests.

answer.py PICTURES.npz PORTRAIT ANSWERS.npz DETECTOR...

PICTURES.npz has pictures (n, 48, 48, 1) uint8 under names that begin with a kernel set. One process
does all, since each start of a Python under qemu takes seconds.
"""

import platform
import sys

import cv2
import numpy as np

from fer_core.preprocess import InputSpec
from fer_core.values import Frame
from fer_edge.faces.detector import DetectorRequest
from fer_edge.faces.detectors import make_detector
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model

cv2.setNumThreads(1)  # under qemu, more of them only wait for each other
pictures, portrait, answers, *detectors = sys.argv[1:]
found = {"machine": np.array(platform.machine())}
for name, pixels in np.load(pictures).items():
    model = TfliteModel(load_model(), kernels=name.partition("-")[0])
    found[name] = np.stack([model.invoke(model.prepared(each)) for each in pixels])
    found[f"{name}-kernels"] = np.array(model.kernels)

shown = cv2.imread(portrait, cv2.IMREAD_REDUCED_COLOR_2)  # a quarter of the time
for index, kind in enumerate(detectors):
    detector = make_detector(kind, DetectorRequest(stream=False))
    rows, crops = [], []
    for degrees in (-45, 0, 20):
        turn = cv2.getRotationMatrix2D((112.0, 60.0), degrees, 1.0)
        turned = cv2.warpAffine(shown, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE)
        frame = Frame(np.asarray(turned, np.uint8), 0, 0.0)
        for face in detector.detect(frame):
            box = face.box
            rows.append((degrees, box.x, box.y, box.width, box.height, face.roll_degrees))
            crops.append(InputSpec().pixels(frame, face))
    found[f"rows-{index}"], found[f"crops-{index}"] = np.array(rows), np.array(crops)
np.savez(answers, **found)
