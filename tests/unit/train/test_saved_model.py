from collections.abc import Callable
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from convert_cases import small_net
from fer_core.errors import FerError
from fer_train import saved_model
from fer_train.backend import native_output_hidden
from fer_train.saved_model import require_harmless, try_saved_model
from fer_train.transfer import load_keras_model

PICTURES = tf.TensorSpec((None, 48, 48, 1), name="pictures")


def saved(folder: Path, answer: Callable[[tf.Tensor], tf.Tensor]) -> Path:
    """Write a SavedModel whose signature runs `answer`."""
    module = tf.Module()
    module.answer = tf.function(answer)
    with native_output_hidden():
        signature = module.answer.get_concrete_function(PICTURES)
        tf.saved_model.save(module, folder, signatures={"serving_default": signature})
    return folder


def test_networks_of_keras_and_tables_are_harmless(tmp_path: Path) -> None:
    with native_output_hidden():
        small_net(keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)).export(
            tmp_path / "net", verbose=False
        )
    require_harmless(tmp_path / "net")
    keys = tf.lookup.KeyValueTensorInitializer([0, 1], [0.5, 0.7])
    table = tf.lookup.StaticHashTable(keys, 0.0)
    module = tf.Module()
    module.table = table
    module.ask = tf.function(lambda x: table.lookup(tf.cast(x[:, 0, 0, 0], tf.int32)))
    signature = module.ask.get_concrete_function(PICTURES)
    tf.saved_model.save(module, tmp_path / "table", signatures={"serving_default": signature})
    require_harmless(tmp_path / "table")


def writes(place: Path) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a network that copies a file to a place."""

    def answer(pictures: tf.Tensor) -> tf.Tensor:
        tf.io.write_file(str(place), tf.io.read_file(__file__))
        return tf.reduce_mean(pictures, [1, 2])

    return answer


def test_a_graph_that_reads_and_writes_files_is_refused_by_name_and_never_runs(
    tmp_path: Path,
) -> None:
    stolen = tmp_path / "stolen"
    inside = tf.function(writes(stolen))

    def hidden(pictures: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            tf.reduce_sum(pictures) > 1, lambda: inside(pictures), lambda: pictures[:, 0, 0]
        )

    def calls_python(pictures: tf.Tensor) -> tf.Tensor:
        answer = tf.py_function(lambda: stolen.write_text("x") * 1.0, [], tf.float32)
        return tf.reduce_mean(pictures, [1, 2]) + answer

    for index, answer in enumerate((writes(stolen), hidden, calls_python)):
        folder = saved(tmp_path / f"model-{index}", answer)
        with pytest.raises(FerError, match=r"it holds (ReadFile, WriteFile|EagerPyFunc)"):
            load_keras_model(folder)
    assert not stolen.exists()


def test_what_runs_when_it_is_loaded_is_read_too(tmp_path: Path) -> None:
    stolen = tmp_path / "stolen"

    class Initializer(tf.lookup.KeyValueTensorInitializer):
        def initialize(self, table: tf.lookup.StaticHashTable) -> tf.Operation:
            tf.io.write_file(str(stolen), "x")
            return super().initialize(table)

    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(Initializer([0], [0.5]), 0.0)
    module.ask = tf.function(lambda x: module.table.lookup(tf.cast(x[:, 0, 0, 0], tf.int32)))
    signature = module.ask.get_concrete_function(PICTURES)
    tf.saved_model.save(module, tmp_path / "model", signatures={"serving_default": signature})
    stolen.unlink(missing_ok=True)
    with pytest.raises(FerError, match="it holds WriteFile"):
        load_keras_model(tmp_path / "model")
    assert not stolen.exists()


def test_what_no_reader_understands_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 100)
    with pytest.raises(FerError, match="cannot be read"):
        require_harmless(tmp_path)
    monkeypatch.setattr(saved_model, "MOST_GRAPH_BYTES", 10)
    with pytest.raises(FerError, match="is larger than 10 bytes"):
        require_harmless(tmp_path)


def test_a_graph_that_fails_takes_the_trial_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(pictures: tf.Tensor) -> tf.Tensor:
        return tf.reshape(pictures, [tf.shape(pictures)[0] * 5])

    folder = saved(tmp_path / "model", fails)
    with pytest.raises(FerError, match="does not run: InvalidArgumentError"):
        try_saved_model(folder)
    monkeypatch.setattr(saved_model, "LIMIT_SECONDS", 0.2)
    with pytest.raises(FerError, match=r"does not answer within 0\.2 seconds"):
        try_saved_model(folder)


def test_a_graph_of_tensorflow_1_runs_nothing_while_it_is_loaded(tmp_path: Path) -> None:
    stolen = tmp_path / "stolen"
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        pictures = v1.placeholder(tf.float32, (None, 48, 48, 1))
        write = tf.io.write_file(str(stolen), "x")
        with tf.control_dependencies([write]):
            start = tf.constant(1.0)
        local = v1.get_variable("local", initializer=start, collections=["local_variables"])
        answer = tf.reduce_mean(pictures, [1, 2]) + 0 * local
        session.run(v1.local_variables_initializer())
        stolen.unlink()
        v1.saved_model.simple_save(session, str(tmp_path / "model"), {"x": pictures}, {"y": answer})
    with pytest.raises(FerError, match="was saved as TensorFlow 1 did"):
        load_keras_model(tmp_path / "model")
    assert not stolen.exists()


def test_a_saver_that_something_calls_is_read_like_any_function(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", lambda pictures: tf.reduce_mean(pictures, [1, 2]))
    content = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (graph,) = content.meta_graphs
    require_harmless(folder)
    (saver,) = [f for f in graph.graph_def.library.function if "traced_save" in f.signature.name]
    function = graph.graph_def.library.function[0]
    if function is saver:
        function = graph.graph_def.library.function[1]
    function.node_def.add(op="PartitionedCall").attr["f"].func.name = saver.signature.name
    (folder / "saved_model.pb").write_bytes(content.SerializeToString())
    with pytest.raises(FerError, match=r"SaveV2|MergeV2Checkpoints"):
        require_harmless(folder)
    graph.graph_def.library.function.append(function)
    (folder / "saved_model.pb").write_bytes(content.SerializeToString())
    with pytest.raises(FerError, match="does more than compute"):
        require_harmless(folder)
