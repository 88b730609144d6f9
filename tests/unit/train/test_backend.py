"""Keras starts without what this toolkit does not use of it."""

import subprocess
import sys

import pytest

pytest.importorskip("keras")
STARTED = """
import gc, sys
from fer_train.backend import start_quietly
start_quietly()
names = "sklearn", "matplotlib", "IPython"
assert not [name for name in names if name in sys.modules], "imported"
assert gc.isenabled()
import keras, sklearn.model_selection, matplotlib.figure
assert keras.ops.zeros(2).shape == (2,)
"""


def test_keras_starts_without_sklearn_and_matplotlib_which_can_be_imported_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
