"""Which pictures the statistics of batch normalization should come from.

    python train/studies/batch_statistics.py ../before/train/results/fer-nano --data fer2013.npz
        --elsewhere ck48.npz web131.npz --distortions
        --out train/studies/results/batch-statistics-nano.json
    python train/studies/batch_statistics.py ../before/train/results/fer-nano --data fer2013.npz
        --keep recipe --run runs/fer-nano

../before is the commit e5fab30. The shipped networks have the new statistics already.
They are estimated again from Training pictures, unaltered or altered, without a step of training.
For each kind it prints, in percent: the accuracy on PublicTest and the balanced accuracy on each
set from elsewhere. With --distortions, it adds the mean accuracy over fer-bench's distortions of
PublicTest. All are for float32. Decision 9 has what it printed.
With --keep it prints no rows: it writes the run folder of the network with these statistics, which
fer-convert takes.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from student_models import save_judged

from fer_bench.distortions import DISTORTIONS
from fer_core.dataset import FerDataset
from fer_core.files import make_folder, write_text
from fer_core.labels import FER2013_LABELS
from fer_core.preprocess import normalize_pixels
from fer_core.readers import load_dataset
from fer_core.settings import load_settings
from fer_core.values import FloatArray
from fer_train.augment import augment
from fer_train.balance import balance
from fer_train.checkpoint import TrainState
from fer_train.config import TrainConfig
from fer_train.evaluate import evaluate
from fer_train.run_facts import CONFIG, HISTORY, METRICS, saved_config
from fer_train.run_folder import model_file
from fer_train.shipped import shipped_config
from fer_train.transfer import load_keras_model

BATCH, SEED = 256, 3
PLAIN = TrainConfig(flip=0, shift=0, rotation=0, zoom=0, brightness=0, contrast=0, degrade=0)

Statistics = list[tuple[FloatArray, FloatArray]]
"""Mean and variance of each normalization, in the order of the layers."""


def kinds() -> dict[str, TrainConfig]:
    """Return how each kind alters the pictures, as settings of fer-train."""
    recipe = load_settings(TrainConfig, shipped_config("fer-nano"), {})
    half = replace(
        PLAIN,
        flip=recipe.flip,
        shift=recipe.shift / 2,
        rotation=recipe.rotation / 2,
        zoom=recipe.zoom / 2,
    )
    return {"plain": PLAIN, "half": half, "recipe": recipe}


def estimated(model: keras.Model, training: FerDataset, how: TrainConfig) -> Statistics:
    """Return the statistics of pictures that are altered so, the mean over whole batches."""
    layers, rng = normalizations(model), np.random.default_rng(SEED)
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0  # the running statistics are those of the batch
    order, found = rng.permutation(len(training)), []
    nothing = np.zeros((BATCH, len(training.label_names)), np.float32)
    for start in range(0, len(order) - BATCH + 1, BATCH):
        images = normalize_pixels(training.pixels[order[start : start + BATCH]])
        model(augment(images, nothing, how, rng)[0], training=True)
        found.append([layer.get_weights()[2:] for layer in layers])
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return [
        tuple(np.mean(each, axis=0) for each in zip(*of_layer, strict=True))
        for of_layer in zip(*found, strict=True)
    ]


def normalizations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the batch normalizations of a network."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in model.layers if isinstance(layer, kind)]


def put(model: keras.Model, statistics: Statistics) -> None:
    """Give a network these statistics."""
    for layer, pair in zip(normalizations(model), statistics, strict=True):
        layer.set_weights([*layer.get_weights()[:2], *pair])


def figures(
    model: keras.Model, public: FerDataset, sets: dict[str, FerDataset], distorted: bool
) -> dict[str, float]:
    """Return every figure, 0 to 1."""
    found = {"public": evaluate(model, public).accuracy}
    for name, held in sets.items():
        found[name] = evaluate(model, held).macro_recall
    if distorted:
        shares, rng = [], np.random.default_rng(SEED)
        for distort in DISTORTIONS.values():
            worse = [distort(each, rng).reshape(each.shape[:2]) for each in public.pixels]
            shares.append(evaluate(model, replace(public, images=np.stack(worse))).accuracy)
        found["distorted"] = np.mean(shares)
    return {name: round(float(value), 4) for name, value in found.items()}


def save_run(
    folder: Path, model: keras.Model, before: Path, data: Path, balanced: float | None
) -> None:
    """Write a run folder like `before`, of the model as it is now."""
    config, facts = saved_config(before), json.loads((before / METRICS).read_text())
    pictures = replace(config, data=str(data)).pictures.load()
    settings = (before / CONFIG).read_text()
    if balanced is not None:
        balance(model, pictures.part("train"), balanced - config.balance)
        settings = re.sub("^balance = .*$", f"balance = {balanced}", settings, flags=re.MULTILINE)
    make_folder(folder)
    write_text(folder / CONFIG, settings)
    shutil.copy(before / HISTORY, folder / HISTORY)
    state = TrainState(epoch=facts["epochs"], best_epoch=facts["best_epoch"])
    judged, computed_on = pictures.part("validation"), facts.get("computed_on", "")
    save_judged(folder, model, judged, state, computed_on)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--elsewhere", type=Path, nargs="+", default=[])
    parser.add_argument("--distortions", action="store_true")
    parser.add_argument("--out", type=Path, help="where the rows go")
    parser.add_argument("--keep", choices=kinds(), help="the pictures whose statistics stay")
    parser.add_argument("--run", type=Path, help="with --keep: the run folder to write")
    parser.add_argument("--balance", type=float, help="with --keep: another balance")
    given = parser.parse_args()
    if bool(given.keep) != bool(given.run) or bool(given.out) == bool(given.keep):
        parser.error("give --out, or --keep and --run")
    if given.keep and (given.elsewhere or given.distortions):
        parser.error("--elsewhere and --distortions go with --out")
    if given.out and given.balance is not None:
        parser.error("--balance goes with --keep")
    if given.run and given.run.exists():
        parser.error(f"{given.run} is there already: name another --run")
    return given


def main() -> None:
    """Print a row for each kind of pictures, or write a run folder."""
    given = arguments()
    data = load_dataset(given.data)
    training, public = data.part("train"), data.part("validation")
    sets = {path.stem: load_dataset(path).in_order(FER2013_LABELS) for path in given.elsewhere}
    file = model_file(Path(given.network))
    model = load_keras_model(file)
    if given.keep:
        put(model, estimated(model, training, kinds()[given.keep]))
        save_run(given.run, model, file.parent, given.data, given.balance)
        return
    given_weights, rows = model.get_weights(), []
    for kind, how in {"as trained": None, **kinds()}.items():
        model.set_weights(given_weights)
        if how:
            put(model, estimated(model, training, how))
        row = {"statistics": kind, **figures(model, public, sets, given.distortions)}
        rows.append(row)
        shown = (f"{100 * value:.1f}" for value in list(row.values())[1:])
        print(f"| {kind} | {' | '.join(shown)} |", flush=True)
    given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
