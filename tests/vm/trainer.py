"""Runs on the computer: trains and converts again and again, and says what is on the disk.

python trainer.py FOLDER            new runs in FOLDER/run-1, run-2, ..., the last two of which stay
python trainer.py FOLDER RUN        goes on with FOLDER/RUN, which a power cut ended

Lines on stdout: `epoch NUMBER of RUN`, `trained RUN`, `converted RUN`, each once it is done.
"""

import shutil
import sys
from itertools import count
from pathlib import Path

from drawn_faces import drawn_dataset, save_npz
from fer_convert.convert import convert
from fer_convert.job import ConversionRequest
from fer_convert.recipes import RECIPES
from fer_train.config import TrainConfig
from fer_train.run import run_training
from fer_train.run_folder import resumed_config

EPOCHS = 4


def train_and_convert(config: TrainConfig, run: Path, resume: bool = False) -> None:
    """Train, then convert to int8; say what is done."""

    def say(line: str) -> None:
        if line.startswith("epoch"):
            print(f"epoch {int(line[5:].partition('/')[0])} of {run.name}", flush=True)

    run_training(config, run, resume, say)
    print(f"trained {run.name}", flush=True)
    convert(
        ConversionRequest(run, [RECIPES["int8"]], None, None, max_drop_points=100.0),
        say,
    )
    print(f"converted {run.name}", flush=True)


def main(folder: Path, unfinished: str = "") -> None:
    """Go on with a run, or begin one after the other."""
    if unfinished:
        run = folder / unfinished
        train_and_convert(resumed_config(run), run, resume=True)
        return
    data = save_npz(folder / "faces.npz", drawn_dataset((6, 4, 1)))
    config = TrainConfig(arch="fer-nano", data=str(data), epochs=EPOCHS, batch_size=16)
    for number in count(1):
        train_and_convert(config, folder / f"run-{number}")
        shutil.rmtree(folder / f"run-{number - 1}", ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
