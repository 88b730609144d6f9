"""What is written is read again: lines, tables, manifests, settings and states."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import load_arrays, write_text
from fer_core.manifest import GoldenAnswers, ModelManifest
from fer_core.preprocess import InputSpec
from fer_core.readers import load_dataset
from fer_core.settings import load_settings, settings_toml
from fer_core.text import on_paper, to_bytes
from fer_core.values import Box, Face, Observation, Prediction
from fer_edge.deployment.state import DeploymentState, Failure, Held
from fer_edge.faces.events import KINDS, ExpressionEvent
from fer_edge.history.chart import Filter, read_rows
from fer_edge.history.periods import Period
from fer_edge.history.report import rows_csv
from fer_edge.history.rows import Batch, Bucket, EventRow
from fer_edge.history.sqlite_file import SqliteStore, reading
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.line_file import LineFile
from fer_edge.outputs.lines import observation_json
from fer_edge.score.manifest import FinishedPieces, Manifest, Result
from fer_train.config import TrainConfig
from history_rows import minute

ANY_TEXT = st.text(max_size=20)
"""Also lone surrogates, which names of files may hold, line ends and control characters."""
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1
)
LABELS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=9)
NUMBERS = st.floats(-1e9, 1e9)


def lines_of(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split("\n")[:-1]


@given(st.lists(st.tuples(st.sampled_from(KINDS), ANY_TEXT, ANY_TEXT, NUMBERS), max_size=5))
def test_events_are_a_line_each(tmp_path: Path, told: list[tuple[str, str, str, float]]) -> None:
    file = tmp_path / "events.jsonl"
    events = [ExpressionEvent(k, 1, a, 0.5, at, who, "door") for k, a, who, at in told]
    with LineFile(str(file)) as lines:
        for event in events:
            lines.write(event.to_json())
    read = [json.loads(line) for line in lines_of(file)]
    assert [each["label"] for each in read] == [each.label for each in events]
    assert [each.get("person", "") for each in read] == [each.person for each in events]
    assert [each["at"] for each in read] == [round(each.at, 3) for each in events]


@given(
    st.builds(Box, *[st.integers(-9, 9999)] * 2, *[st.integers(1, 9999)] * 2),
    ANY_TEXT,
    st.sampled_from([None, 1, 2**40]),
    st.integers(1, 8),
)
def test_observations_are_a_line_each(box: Box, who: str, track: int | None, reduced: int) -> None:
    shares = Prediction(np.array([0.25, 0.75], np.float32), ("a", "b"))
    seen = Observation(3, 1.5, Face(box, 1.0), shares, track, who)
    line = observation_json(seen, {"source": who}, reduced)
    assert "\n" not in line
    read = json.loads(line)
    assert read["box"] == [reduced * each for each in (box.x, box.y, box.width, box.height)]
    assert (read["track"], read.get("person", ""), read["source"]) == (track, who, who)
    assert read["probabilities"] == {"a": 0.25, "b": 0.75}


MANIFESTS = st.builds(
    ModelManifest,
    NAMES,
    st.lists(LABELS, min_size=2, max_size=5, unique=True).map(tuple),
    st.builds(
        InputSpec,
        *[st.integers(1, 500)] * 2,
        st.sampled_from(["gray", "rgb"]),
        st.floats(-0.5, 2, exclude_min=True),
        st.sampled_from([InputSpec().values, (0.0, 1.0), (-1.0, 1.0)]),
    ),
    NAMES,
    temperature=st.floats(1e-3, 1e5),
    output=st.sampled_from(["probabilities", "logits"]),
    provenance=st.dictionaries(TEXT.map(lambda key: f"x{key}"), TEXT | st.integers(), max_size=3),
    golden=st.none() | st.just(GoldenAnswers(1, ((0.25, 0.75),))),
)


@given(MANIFESTS, st.binary(max_size=40), TEXT)
def test_a_bundle_is_what_was_saved(
    tmp_path: Path, manifest: ModelManifest, model: bytes, card: str
) -> None:
    file = tmp_path / "a.tflite"
    ModelBundle(model, manifest, card).save(file)
    again = ModelBundle.load(file)
    assert (again.model, again.card) == (model, on_paper(card))
    for field in ("name", "labels", "input", "recipe", "temperature", "output", "golden"):
        assert getattr(again.manifest, field) == getattr(manifest, field)
    assert again.manifest.provenance == manifest.provenance
    assert ModelManifest.from_json(again.manifest.to_json()) == again.manifest
    again.save(file)
    assert ModelBundle.load(file).manifest == again.manifest


@given(
    data=ANY_TEXT,
    init=st.text(st.sampled_from("\x7f\x00\t\n\\\"'#=\u2028\udc80a")),
    epochs=st.integers(1, 10**5),
    learning_rate=st.floats(1e-6, 10),
    skip_bad=st.booleans(),
)
def test_settings_are_what_was_saved(tmp_path: Path, **settings: object) -> None:
    file = tmp_path / "a.toml"
    config = load_settings(TrainConfig, None, settings)
    write_text(file, settings_toml(config))
    known = {
        key: on_disk(each) if isinstance(each, str) else each for key, each in settings.items()
    }
    assert load_settings(TrainConfig, file, {}) == replace(config, **known)


def on_disk(text: str) -> str:
    """Return what is left of a text in a file: what no name of a file can hold becomes a mark."""
    return to_bytes(text).decode("utf-8", "surrogateescape")


FACTS = st.builds(ModelFacts, ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT, max_size=3).map(tuple))
HELD = st.builds(Held, ANY_TEXT, FACTS)


@given(
    st.builds(
        DeploymentState,
        HELD,
        st.lists(HELD, max_size=2).map(tuple),
        why=ANY_TEXT,
        tried_by=st.integers(0, 2**31),
        failures=st.lists(st.builds(Failure, FACTS, ANY_TEXT, ANY_TEXT), max_size=2).map(tuple),
        received=st.lists(ANY_TEXT, max_size=2).map(tuple),
    )
)
def test_a_state_of_models_is_what_was_written(state: DeploymentState) -> None:
    assert DeploymentState.from_json(state.to_json(), "it") == state


@given(
    st.lists(st.tuples(TEXT, TEXT, LABELS, st.integers(1, 60)), min_size=1, max_size=6),
    st.integers(0, 23),
)
def test_a_history_holds_what_was_seen(
    tmp_path: Path, seen: list[tuple[str, str, str, int]], hour: int
) -> None:
    file, day = tmp_path / "h.sqlite", date(2026, 11, 27)
    file.unlink(missing_ok=True)
    period = Period(day, day)
    begins = minute("2026-11-27T00:00") + 3600 * hour
    wanted: dict[tuple[str, str, str], float] = {}
    store = SqliteStore(file)
    for number, (camera, person, label, seconds) in enumerate(seen):
        store.write(Batch({Bucket(begins + 60 * (number % 60), camera, person, label): seconds}))
        key = (camera, person, label)
        wanted[key] = wanted.get(key, 0) + seconds
    store.write(Batch(events=[EventRow(begins, "a", "b", "started", "c", 0.5, 1)]))
    store.close()
    with reading(file) as tables:
        rows = read_rows(tables, period, Filter())
    text = rows_csv(rows, period)
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    total = sum(float(row["seconds"]) for row in read)
    assert total == pytest.approx(sum(wanted.values()))


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(4), st.integers(1, 4))),
    st.lists(LABELS, min_size=2, max_size=4, unique=True),
    st.integers(0, 2**32 - 1),
)
def test_a_data_set_is_what_was_saved(
    tmp_path: Path, images: np.ndarray, names: list[str], seed: int
) -> None:
    rng, file = np.random.default_rng(seed), tmp_path / "a.npz"
    labels = rng.integers(0, len(names), len(images))
    usage = rng.integers(0, 3, len(images))
    np.savez(file, images=images, labels=labels, usage=usage, label_names=np.array(names))
    held: FerDataset = load_dataset(file)
    assert np.array_equal(held.images, images)
    assert np.array_equal(held.labels, labels)
    assert np.array_equal(held.split, usage)
    assert held.label_names == tuple(names)
    assert load_arrays(file).keys() == {"images", "labels", "usage", "label_names"}


@given(st.lists(st.tuples(ANY_TEXT, st.integers(0, 2**40), NUMBERS), max_size=4))
def test_faces_of_an_archive_are_what_was_written(
    tmp_path: Path, seen: list[tuple[str, int, float]]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    from fer_edge.score.shards import Row, shard_file, shard_range, write_errors, write_faces

    shares = Prediction(np.array([0.25, 0.75], np.float32), ("a", "b"))
    rows = [
        Row(source, Observation(frame, at, Face(Box(1, 2, 3, 4), 1.0), shares), 0.5)
        for source, frame, at in seen
    ]
    file = shard_file(tmp_path, 7, 3)
    size = write_faces(file, rows, shares.labels)
    assert (file.stat().st_size, shard_range(file)) == (size, (7, 3))
    read = parquet.read_table(file).to_pylist()
    assert [each["frame"] for each in read] == [frame for _, frame, _ in seen]
    assert [each["time_s"] for each in read] == [at for _, _, at in seen]
    assert all(each["probabilities"] == {"a": 0.25, "b": 0.75} for each in read)
    for written, each in zip(seen, read, strict=True):
        if written[0].isascii():
            assert each["source"] == written[0]
    errors = tmp_path / "errors.parquet"
    write_errors(errors, [(source, source) for source, _, _ in seen])
    assert parquet.read_table(errors).num_rows == len(seen)


RESULTS = st.builds(
    Result,
    st.integers(0, 30),
    st.integers(1, 9),
    faces=st.integers(0, 9),
    errors=st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=2).map(tuple),
)


@given(st.lists(RESULTS, max_size=8), st.binary(max_size=9).filter(lambda end: b"\n" not in end))
def test_finished_pieces_are_those_that_no_later_one_overlaps(
    tmp_path: Path, results: list[Result], torn: bytes
) -> None:
    file = tmp_path / "manifest.jsonl"
    file.unlink(missing_ok=True)
    manifest = Manifest(tmp_path)
    left: list[Result] = []
    for result in results:
        manifest.append(result)
        after, end = result.first + result.count, [*left]
        left = [x for x in end if x.first + x.count <= result.first or x.first >= after]
        left.append(result)
    manifest.close()
    with file.open("ab") as opened:
        opened.write(torn)
    found = FinishedPieces(tmp_path)
    assert sorted(found.results(), key=str) == sorted(left, key=str)
    assert found.sources == manifest.sources == sum(each.count for each in left)
    assert found.errors == sum(len(each.errors) for each in left)


@given(
    st.recursive(st.none() | st.integers() | TEXT, lambda x: st.lists(x) | st.dictionaries(TEXT, x))
)
def test_a_manifest_that_is_none_is_refused_where_it_is_damaged(
    tmp_path: Path, value: object
) -> None:
    file = tmp_path / "manifest.jsonl"
    good = json.dumps({"first": 0, "count": 2, "errors": []})
    bad = {"first": 2, "count": 1, "errors": [], "size": value}
    for line in (json.dumps(value), json.dumps(bad), "[" * 5000):
        if line == json.dumps(bad) and isinstance(value, int) and value >= 0:
            continue
        file.write_text(f"{good}\n{line}\n{good}\n")
        with pytest.raises(FerError, match=f"is damaged at byte {len(good) + 1}"):
            FinishedPieces(tmp_path)
