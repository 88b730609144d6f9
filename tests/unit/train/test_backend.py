"""Keras starts without what this toolkit does not use of it."""

import os
import platform
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


CONVOLVED = """
from fer_train.backend import start_quietly
start_quietly()
import keras
keras.ops.conv(keras.ops.ones((1, 8, 8, 4)), keras.ops.ones((3, 3, 4, 4)))
import os
print("told", os.environ["TF_ENABLE_ONEDNN_OPTS"])
"""


@pytest.mark.skipif(
    sys.platform == "darwin" or platform.machine() not in ("x86_64", "AMD64"),
    reason="TensorFlow has oneDNN on x86-64, but for macOS",
)
@pytest.mark.parametrize(("said", "uses_it"), [(None, True), ("1", True), ("0", False)])
def test_onednn_computes_convolutions_unless_the_user_says_otherwise(
    said: str | None, uses_it: bool
) -> None:
    pytest.importorskip("tensorflow")
    own = {} if said is None else {"TF_ENABLE_ONEDNN_OPTS": said}
    others = {key: value for key, value in os.environ.items() if key != "TF_ENABLE_ONEDNN_OPTS"}
    told = others | own | {"ONEDNN_VERBOSE": "1", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", CONVOLVED], capture_output=True, text=True, check=True, env=told
    )
    assert (",convolution," in done.stdout) is uses_it
    assert f"told {said or 1}\n" in done.stdout  # newer processors have it without being told


def test_what_needs_tensorflow_starts_it_whichever_backend_is_asked_for() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from fer_train.backend import start_tensorflow as s; s(); "
            "import keras; print(keras.backend.backend())",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert (done.stdout, done.stderr) == ("tensorflow\n", "")
