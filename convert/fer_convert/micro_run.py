"""Runs a network in TensorFlow Lite Micro's own interpreter, in a process of its own.

    python -m fer_convert.micro_run MODEL.tflite INPUTS.npy OUTPUTS.npy ARENA_BYTES

The interpreter can abort its process, and prints what it allocated as text; hence the process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main() -> None:
    """Answer every input (n, h, w, c) int8 and print the allocations."""
    from tflite_micro.python.tflite_micro import runtime

    model, inputs, outputs = map(Path, sys.argv[1:4])
    interpreter = runtime.Interpreter.from_file(str(model), arena_size=int(sys.argv[4]))
    answers = []
    for codes in np.load(inputs):
        interpreter.set_input(codes[np.newaxis], 0)
        interpreter.invoke()
        answers.append(interpreter.get_output(0)[0])
    np.save(outputs, np.array(answers, np.int8))
    interpreter.print_allocations()


if __name__ == "__main__":
    main()
