"""Answer pictures with a kernel set: run by the Python of each processor, compared by the test.

answer.py PICTURES.npz KERNELS ANSWERS.npz
"""

import platform
import sys

import numpy as np

from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model

pictures, kernels, answers = sys.argv[1:]
model = TfliteModel(load_model(), kernels=kernels)
codes = np.stack([model.invoke(model.prepared(pixels)) for pixels in np.load(pictures)["pixels"]])
np.savez(answers, codes=codes, machine=platform.machine(), kernels=model.kernels)
