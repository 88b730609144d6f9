"""Whatever a file holds, reading it ends well or with a FerError.

FUZZ=1000 FUZZ_SEED=7 python -m pytest tests/fuzz      for a thorough run
"""

from __future__ import annotations

import io
import json
from contextlib import closing
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene, drawn_dataset, save_npz
from fer_bench.compare import Tolerance, compare_results
from fer_bench.html import html_report
from fer_bench.markdown import markdown_report
from fer_bench.results import read_results
from fer_convert.adopt import adopt
from fer_convert.verify import describe
from fer_core.bundle import ModelBundle
from fer_core.manifest import ModelManifest
from fer_core.pictures import read_picture
from fer_core.readers import load_dataset
from fer_core.settings import load_settings
from fer_edge.history.chart import Filter, read_chart, read_rows
from fer_edge.history.periods import Period
from fer_edge.history.report import chart_text, rows_csv
from fer_edge.history.rows import Batch
from fer_edge.history.sqlite_file import SqliteStore, reading
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import shipped_models
from fer_edge.inference.trial import try_model
from fer_edge.session.config import EdgeConfig
from history_rows import event, looks, minute, saved
from mutants import MUTANTS, SEED, byte_mutants, json_mutants, survives

RESULTS = Path(__file__).parents[2] / "benchmarks" / "reference" / "x86-64-2-cores" / "results.json"
pytestmark = pytest.mark.filterwarnings("ignore")


def test_bundles(tmp_path: Path) -> None:
    whole, file = shipped_models()["fer-nano"].read_bytes(), tmp_path / "a.tflite"
    tail = whole[-6000:]  # the manifest: a damaged flatbuffer has another hash
    for mutant in byte_mutants(tail, MUTANTS, SEED):
        file.write_bytes(whole[:-6000] + mutant)
        survives(lambda: describe(file), mutant)


def test_manifests(nano: ModelBundle) -> None:
    manifest = json.loads(nano.manifest.to_json())
    manifest["provenance"] = {
        k: str(v)[:80] if isinstance(v, str) else v for k, v in manifest["provenance"].items()
    }
    passed = 0
    for text in json_mutants(manifest, MUTANTS, SEED):

        def read(text: str = text) -> None:
            read = ModelManifest.from_json(text)
            read.to_json()
            TfliteModel(ModelBundle(nano.model, read))

        passed += survives(read, text)
    assert passed < 0.9 * MUTANTS


def test_flatbuffers_in_a_process_of_their_own(nano: ModelBundle) -> None:
    for mutant in byte_mutants(nano.model, max(4, MUTANTS // 20), SEED):
        survives(lambda mutant=mutant: try_model(mutant, "it"), "a flatbuffer")


def test_flatbuffers_of_strangers(tmp_path: Path, nano: ModelBundle) -> None:
    labels, file = nano.manifest.labels, tmp_path / "theirs.tflite"
    for mutant in byte_mutants(nano.model, max(4, MUTANTS // 20), SEED + 1):
        file.write_bytes(mutant)
        survives(lambda: adopt(file, labels, None, "0..1", tmp_path, True), "a flatbuffer")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif", ".jp2"])
def test_pictures(tmp_path: Path, suffix: str) -> None:
    ok, encoded = cv2.imencode(suffix, cv2.resize(draw_scene("happy"), (80, 60)))
    if not ok:
        pytest.skip(f"OpenCV writes no {suffix}")
    file = tmp_path / f"a{suffix}"
    for mutant in byte_mutants(encoded.tobytes(), MUTANTS, SEED):
        file.write_bytes(mutant)
        survives(lambda: read_picture(file, colour=True), mutant)


def test_npz(tmp_path: Path) -> None:
    file = save_npz(tmp_path / "a.npz", drawn_dataset((2, 1, 1)))
    compressed = io.BytesIO()
    np.savez_compressed(compressed, **np.load(file))
    for content in (file.read_bytes(), compressed.getvalue()):
        for mutant in byte_mutants(content, MUTANTS, SEED):
            file.write_bytes(mutant)
            survives(lambda: load_dataset(file), mutant)


def test_npz_whose_arrays_are_of_other_kinds(tmp_path: Path) -> None:
    rng, file = np.random.default_rng(SEED), tmp_path / "a.npz"
    good = {
        "images": np.zeros((4, 8, 8), np.uint8),
        "labels": np.arange(4),
        "usage": np.zeros(4, int),
    }
    odd = [
        np.zeros(()), np.zeros((0, 8, 8), np.uint8), np.array(["a", "b"]), np.array([np.nan] * 4),
        np.array([1e300] * 4), np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, "M8[s]"),
        np.zeros(4, [("a", int)]), np.array([2**63] * 4, np.uint64), np.zeros((4, 8, 8), bool),
        np.array([b"\xff"] * 4), np.zeros(4, complex), np.zeros((4, 1)), np.array([-1, 0, 7, 9]),
    ]  # fmt: skip
    for _ in range(MUTANTS):
        arrays = dict(good)
        for name in rng.choice([*good, "label_names"], rng.integers(1, 3), replace=False):
            arrays[name] = odd[rng.integers(len(odd))]
        if rng.random() < 0.2:
            del arrays[rng.choice([*good])]
        np.savez(file, **arrays)
        kinds = {name: (each.dtype, each.shape) for name, each in arrays.items()}
        survives(lambda: load_dataset(file), kinds)


def test_csv(tmp_path: Path) -> None:
    pixels = " ".join(["7"] * 2304)
    rows = "".join(f"{label},{pixels},Training\n" for label in range(7))
    content, file = f"emotion,pixels,Usage\n{rows}".encode(), tmp_path / "a.csv"
    for mutant in byte_mutants(content, MUTANTS, SEED):
        file.write_bytes(mutant)
        survives(lambda: load_dataset(file), mutant[:80])


def test_histories(tmp_path: Path) -> None:
    """Charts of them, and a run that goes on with them."""
    first, file = minute("2026-11-27T12:00"), tmp_path / "h.sqlite"
    people = (looks(first, 30, "glad", name) for name in ("anna", "ben", "carla"))
    saved(file, *people, Batch(events=[event(first + 9 * each, "anna") for each in range(90)]))
    period = Period(date(2026, 11, 27), date(2026, 11, 27))

    def use() -> None:
        with reading(file) as tables:
            chart = read_chart(tables, period, Filter())
            rows_csv(read_rows(tables, period, Filter()), period)
        chart_text(chart)

    def go_on() -> None:
        with closing(SqliteStore(file)) as store:
            store.write(looks(first, 3, "glad", "anna"))
            store.thin(first + 600)
            store.delete_person("anna")

    for mutant in byte_mutants(file.read_bytes(), MUTANTS, SEED):
        for action in (use, go_on):
            for beside in tmp_path.iterdir():
                beside.unlink()
            file.write_bytes(mutant)
            survives(action, "a history")


def test_settings(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    content = (
        b'camera = "0"\nthreads = 1\nrate = 2.5\nmirror = true\nshow = false\nsize = "640x480"\n'
    )
    huge = b"threads = " + b"9" * 5000
    for mutant in (huge, b"a = [" * 5000, *byte_mutants(content, MUTANTS, SEED)):
        file.write_bytes(mutant)
        survives(lambda: load_settings(EdgeConfig, file, {}), mutant)


def test_results(tmp_path: Path) -> None:
    whole = json.loads(RESULTS.read_text())
    whole["models"] = whole["models"][:2]
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(whole))
    passed = 0
    for text in json_mutants(whole, MUTANTS, SEED):
        after.write_text(text)

        def read() -> None:
            found = read_results(after)
            markdown_report(found)
            html_report(found)
            compare_results(read_results(before), found, Tolerance())

        passed += survives(read, text)
    assert passed < 0.9 * MUTANTS
