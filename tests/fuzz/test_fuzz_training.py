"""The files of training and conversion, damaged: every reading ends well or with a FerError."""

from __future__ import annotations

import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from convert_cases import small_net
from fer_train import transfer
from fer_train.checkpoint import TrainState, load_checkpoint, save_checkpoint
from fer_train.run_facts import read_run
from fer_train.run_folder import model_name
from fer_train.saved_model import require_harmless
from fer_train.transfer import load_keras_model
from mutants import MUTANTS, SEED, byte_mutants, json_mutants, survives

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(3)  # the same bytes every time
    return small_net()


IN_THEIR_OWN_PROCESS = 1
"""Of the model files: a process takes seconds to start."""


def test_model_files(tmp_path: Path, network: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.keras"  # a damaged .h5 can make the HDF5 library loop for ever
    network.save(file)
    for number, mutant in enumerate(byte_mutants(file.read_bytes(), MUTANTS // 2, SEED)):
        if number == IN_THEIR_OWN_PROCESS:
            monkeypatch.setattr(transfer, "try_keras_file", lambda file: None)
        file.write_bytes(mutant)
        survives(lambda: load_keras_model(file), "a model file")
        survives(lambda: model_name(file), "a model file")


def test_what_a_run_says_of_itself(tmp_path: Path, network: keras.Model) -> None:
    file = tmp_path / "model.keras"
    network.save(file)
    metrics = {
        "model": "fer-nano", "epochs": 9, "best_epoch": 8, "labels": ["a", "b"],
        "sha256": {"model.keras": "0" * 64}, "teacher_sha256": "1" * 64,
    }  # fmt: skip
    for text in json_mutants(metrics, MUTANTS, SEED):
        (tmp_path / "metrics.json").write_text(text)
        survives(lambda: read_run(file).training_facts(), text)
    for mutant in byte_mutants(b'arch = "fer-nano"\nepochs = 9\nseed = 1\n', MUTANTS, SEED):
        (tmp_path / "config.toml").write_bytes(mutant)
        survives(lambda: read_run(file), mutant)


def test_graphs(tmp_path: Path, network: keras.Model) -> None:
    network.export(tmp_path / "folder", verbose=False)
    graph = tmp_path / "folder" / "saved_model.pb"
    for mutant in byte_mutants(graph.read_bytes(), MUTANTS, SEED):
        graph.write_bytes(mutant)
        survives(lambda: require_harmless(tmp_path / "folder"), "a graph")


def test_checkpoints(tmp_path: Path, network: keras.Model) -> None:
    network.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
    network.optimizer.build(network.trainable_variables)
    file = tmp_path / "checkpoint.npz"
    weights = network.get_weights()
    history = [{"epoch": 1, "val_accuracy": 0.5}]
    state = TrainState("data", 0, 1, weights, weights, 1, history)
    save_checkpoint(file, network, state)
    whole = file.read_bytes()
    assert load_checkpoint(file, network, "data").history == history
    for mutant in byte_mutants(whole, MUTANTS // 2, SEED):
        file.write_bytes(mutant)
        survives(lambda: load_checkpoint(file, network, "data"), "a checkpoint")
    with np.load(io.BytesIO(whole)) as arrays:
        held = dict(arrays)
    facts = json.loads(str(held.pop("facts")))
    for text in json_mutants(facts, MUTANTS // 2, SEED):
        np.savez(file, facts=np.array(text), **held)

        def resumed() -> None:
            state = load_checkpoint(file, network, "data")
            assert state.best_accuracy <= 1
            network.set_weights(state.best)
            network.set_weights(state.averaged)

        survives(resumed, text)
