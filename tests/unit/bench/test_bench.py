import json
import re
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bench_results import bare_model, stored
from drawn_faces import draw_face, drawn_dataset, save_npz
from fer_bench import bench, memory
from fer_bench.accuracy import (
    Accuracy,
    EvaluationSplit,
    TestPictures,
    augmented_accuracy,
    measure_accuracy,
)
from fer_bench.bench import run_benchmark
from fer_bench.distortions import DISTORTIONS, measure_robustness
from fer_bench.environment import is_busy, read_environment
from fer_bench.judging import Extent, Judgment, judged, told_apart
from fer_bench.memory import measure_process
from fer_bench.records import Conditions
from fer_bench.report import results_table
from fer_bench.results import Results
from fer_bench.timing import Moment, Round
from fer_core import cores
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import FERPLUS_LABELS
from fer_core.manifest import ModelManifest
from fer_core.metrics import classification_report, label_flips
from fer_core.preprocess import InputSpec
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import shipped_models
from votes import write_votes

QUICK = Extent(quick=True)
HOT = Conditions(
    slowdown=1.4, temperature_celsius=61.0, frequency_mhz=1500.0, throttled="under-voltage",
    noisy=True,
)  # fmt: skip
PROMISED = {
    "accuracy",
    "accuracy_interval95",
    "macro_f1",
    "ece",
    "label_flips",
    "latency_ms",
    "load_ms",
    "peak_rss_bytes",
    "file_bytes",
    "parameters",
    "mmacs",
}


@pytest.fixture(scope="module")
def nano_path() -> Path:
    return shipped_models()["fer-nano"]


@pytest.fixture
def pictures(tmp_path: Path) -> TestPictures:
    return TestPictures(save_npz(tmp_path / "drawn.npz", drawn_dataset((1, 1, 2))))


def test_results_have_every_promised_key(nano_path: Path, pictures: TestPictures) -> None:
    results = run_benchmark(
        [nano_path], pictures, None, QUICK, "fer-bench", lambda line: None
    ).results
    values = json.loads(json.dumps(results.to_json()))
    (model,) = values["models"]
    assert set(model) >= PROMISED
    assert set(model["latency_ms"]) >= {"p50", "p90", "p95", "p99", "runs", "spread"}
    assert set(model["latency_by_threads_ms"]) >= {"1", "2"}
    assert model["latency_without_xnnpack_ms"]["p50"] > 0
    assert model["conditions"]["slowdown"] >= 1
    assert model["count"] == 14
    assert model["label_flips"] is None  # no parent beside it
    assert model["file_bytes"] == nano_path.stat().st_size
    assert values["environment"]["runtime"].split()[0] in {"ai-edge-litert", "tflite-runtime"}
    table = results_table(results)
    assert "fer-nano-int8" in table
    assert ("not measured on a Pi" in table) != values["environment"]["on_a_pi"]


def test_a_model_that_crashes_is_told_and_the_others_are_measured(
    nano_path: Path, nano: ModelBundle, tmp_path: Path
) -> None:
    broken = ModelBundle(nano.model[:30_000], replace(nano.manifest, name="broken"))
    broken.save(tmp_path / "broken.tflite")
    said: list[str] = []
    (tmp_path / "text.tflite").write_text("no model")
    paths = [tmp_path / "broken.tflite", nano_path, tmp_path / "text.tflite"]
    results = run_benchmark(paths, None, None, QUICK, "fer-bench", said.append).results
    assert [record.name for record in results.models] == ["fer-nano-int8"]
    failed, text = results.to_json()["failed"]
    assert failed["name"] == "broken-int8"
    # LiteRT refuses it, tflite-runtime 2.14 dies of it
    assert re.search("cannot load broken-int8|crashes the runtime", failed["error"])
    assert text["name"] == "text"
    table = results_table(results)
    assert re.search(r"^broken-int8 +failed +-", table, re.MULTILINE)
    assert f"broken-int8: not measured: {failed['error']}" in table
    noisy = replace(results.models[0], conditions=HOT)
    told = results_table(replace(results, models=(noisy,)))
    assert "NOISY: under-voltage; a fixed piece of work took 1.40 times as long" in told
    busy = replace(results.environment, busy=True)
    assert "NOISY: other programs were at work" in results_table(replace(results, environment=busy))
    assert Results.from_json(results.to_json()) == results


def test_a_process_that_dies_is_named_by_its_signal(
    nano_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nkill -ABRT $$\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(FerError, match=r"crashes the runtime \(SIGABRT\)"):
        measure_process(nano_path)
    script.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(FerError, match="no reason given"):
        measure_process(nano_path)


def test_a_model_of_other_labels_keeps_its_latency(
    nano_path: Path, nano: ModelBundle, pictures: TestPictures, tmp_path: Path
) -> None:
    other = ModelBundle(nano.model, replace(nano.manifest, labels=tuple("abcdefg"), name="own"))
    other.save(tmp_path / "own.tflite")
    paths = [nano_path, tmp_path / "own.tflite"]
    results = run_benchmark(paths, pictures, None, QUICK, "fer-bench", lambda line: None).results
    judged, own = results.to_json()["models"]
    assert "accuracy" in judged
    assert "accuracy" not in own
    assert own["latency_ms"]["p50"] > 0
    assert "own-int8 knows a, b" in own["evaluation_error"]
    assert "own-int8: accuracy not measured: own-int8 knows a, b" in results_table(results)


def test_without_data_the_accuracy_is_said_to_be_unmeasured(nano_path: Path) -> None:
    results = run_benchmark([nano_path], None, None, QUICK, "fer-bench", lambda line: None).results
    assert "accuracy" not in results.to_json()["models"][0]
    assert "accuracy not measured" in results_table(results)


def test_robustness_and_ten_crops_are_secondary_figures(
    nano_path: Path, pictures: TestPictures
) -> None:
    model = TfliteModel(ModelBundle.load(nano_path))
    test = pictures.for_input(model.bundle.manifest.input).dataset
    found = measure_robustness(model, test)
    assert found == measure_robustness(model, test)  # every model sees the same pictures
    plain = measure_accuracy(model, pictures.for_input(test.spec))
    mean = augmented_accuracy(model, test)
    record = run_benchmark([nano_path], None, None, QUICK, "", lambda line: None).results.models[0]
    evaluation = plain.evaluation(mean, found)
    assert evaluation.accuracy_test_time_augmentation == mean
    assert list(evaluation.robustness) == list(DISTORTIONS)
    record = replace(record, evaluation=evaluation)
    results = Results(
        command="fer-bench", environment=read_environment("x", "y"), data="drawn", models=(record,)
    )
    assert Results.from_json(results.to_json()) == results
    table = results_table(results)
    assert f"{100 * mean:.1f} % with test-time augmentation (ten crops)" in table
    row = next(line for line in table.splitlines() if line.startswith("JPEG 20"))
    assert f"{100 * found['JPEG 20']:.1f} (" in row


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", DISTORTIONS)
def test_distortions_change_pictures_and_keep_their_kind(name: str, channels: int) -> None:
    face = np.ascontiguousarray(draw_face("happy", 48)[:, :, :channels])
    changed = DISTORTIONS[name](face, np.random.default_rng(5))
    assert changed.shape == face.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, face)
    other = DISTORTIONS[name](face, np.random.default_rng(6))
    drawn_by_chance = not np.array_equal(changed, other)
    assert drawn_by_chance == (name not in {"blur", "JPEG 20", "24-pixel face"})


def test_low_light_is_dark_and_a_shift_shifts() -> None:
    face = np.zeros((48, 48, 1), np.uint8)
    face[20:28, 20:28] = 200
    assert DISTORTIONS["low light"](face, np.random.default_rng(0)).max() < 80
    moved = DISTORTIONS["shift ±15 %"](face, np.random.default_rng(1))
    rows, columns = np.nonzero(moved[:, :, 0] > 100)
    across, down = np.random.default_rng(1).uniform(-0.15, 0.15, 2) * 48
    assert columns.mean() - 23.5 == pytest.approx(across, abs=0.6)
    assert rows.mean() - 23.5 == pytest.approx(down, abs=0.6)


def test_a_parent_that_answers_otherwise_gives_flips(
    nano_path: Path, pictures: TestPictures
) -> None:
    results = run_benchmark([nano_path], pictures, nano_path, QUICK, "", lambda line: None).results
    assert results.models[0].label_flips is None  # a model is not its own parent
    one = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    assert label_flips(one, one[:, ::-1]) == 2
    assert label_flips(one, one) == 0


def test_the_parent_is_found_among_the_models(
    nano_path: Path, nano: ModelBundle, pictures: TestPictures, tmp_path: Path
) -> None:
    twin = ModelBundle(nano.model, replace(nano.manifest, recipe="float32"))
    twin.save(tmp_path / "twin.tflite")
    paths = [nano_path, tmp_path / "twin.tflite"]
    results = run_benchmark(paths, pictures, None, QUICK, "", lambda line: None).results
    assert [record.label_flips for record in results.models] == [0, None]
    values = results.to_json()["models"][0]
    assert (values["accuracy_change"], values["mcnemar_p"]) == (0.0, 1.0)
    assert "+0.00 points against its parent" in results_table(results)


def test_two_models_of_one_name_are_told_apart(
    nano_path: Path, nano: ModelBundle, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    own = tmp_path / "mine" / nano_path.name
    own.write_bytes(nano_path.read_bytes())
    results = run_benchmark([nano_path, own], None, None, QUICK, "", lambda line: None).results
    name = nano.name
    names = [f"{nano_path.resolve().parent.name}/{name}", f"mine/{name}"]
    assert [model["name"] for model in results.to_json()["models"]] == names
    assert f"mine/{name}" in results_table(results)


def test_two_models_of_one_name_and_folder_are_called_by_their_files(tmp_path: Path) -> None:
    record = next(iter(stored(bare_model("fer-nano-int8")).models))
    paths = [tmp_path / "a" / name for name in ("old.tflite", "fer-nano-int8.tflite")]
    names = [each.name for each in told_apart([record, record], paths)]
    assert names == ["a/old", "a/fer-nano-int8"]
    twice = [tmp_path / part / "a" / "x.tflite" for part in ("one", "two")]
    names = [each.name for each in told_apart([record, record], twice)]
    assert names == ["a/x (1)", "a/x (2)"]


def test_flips_are_of_labels_whatever_their_order(nano: ModelBundle, tmp_path: Path) -> None:
    path = tmp_path / "parent.tflite"
    replace(nano, manifest=replace(nano.manifest, recipe="float32")).save(path)
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 9).astype(np.float32)
    order, truth = [2, 0, 1], np.zeros(9, np.int64)
    names = np.array(["angry", "happy", "sad"])
    as_ferplus_says = np.array(["Anger", "happiness", "sadness"])

    def judge_of(which: Path, bundle: ModelBundle, whole: bool) -> Judgment:
        of, called = (order, as_ferplus_says) if which == path else ([0, 1, 2], names)
        report = classification_report(shares[:, of], truth, tuple(called[of].tolist()))
        return Judgment(Accuracy(report, None, shares[:, of], np.ones(9, np.bool_)))

    model = (tmp_path / "child.tflite", nano)
    record = next(iter(stored(bare_model("fer-nano-int8")).models))
    assert judged(record, model, [model], path, judge_of).label_flips == 0


def test_a_float_file_of_other_weights_counts_no_flips(
    nano: ModelBundle, pictures: TestPictures, tmp_path: Path
) -> None:
    """Two versions of one network have the same name; v1's float32 says nothing of v2's int8."""

    def saved(recipe: str, source: str) -> Path:
        facts = {**nano.manifest.provenance, "source_sha256": source}
        manifest = replace(nano.manifest, name="sequential", recipe=recipe, provenance=facts)
        path = tmp_path / f"sequential-{recipe}.tflite"
        ModelBundle(nano.model, manifest).save(path)
        return path

    saved("float32", "v1")
    for source, flips in (("v2", None), ("v1", 0)):
        path = saved("int8", source)
        results = run_benchmark([path], pictures, None, QUICK, "", lambda line: None).results
        assert results.models[0].label_flips == flips
    (tmp_path / "sequential-float32.tflite").write_bytes(b"damaged")
    results = run_benchmark([path], pictures, None, QUICK, "", lambda line: None).results
    assert results.models[0].label_flips is None


def test_a_parent_that_is_not_there_fails_before_anything_is_measured(
    nano_path: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    with pytest.raises(FerError, match="cannot read the model"):
        run_benchmark([nano_path], None, tmp_path / "typo.tflite", QUICK, "", said.append)
    assert said == []


def test_what_was_left_out_of_the_pictures_is_said(nano_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for label in ("happy", "sad"):
        (folder / "test" / label).mkdir(parents=True)
        cv2.imwrite(str(folder / "test" / label / "a.png"), np.zeros((48, 96), np.uint8))
    (folder / "test" / "sad" / "b.heic").write_bytes(b"x")
    said: list[str] = []
    run_benchmark([nano_path], TestPictures(folder), None, QUICK, "", said.append)
    assert any("2 of 2 pictures are not square" in line for line in said)
    assert any("HEIC" in line for line in said)


def test_duplicates_of_training_pictures_are_told_apart() -> None:
    drawn = drawn_dataset((2, 1, 2))
    images = drawn.images.copy()
    test = np.flatnonzero(drawn.split == 2)
    images[test[0]] = images[0]
    copied = FerDataset(
        images, drawn.labels, drawn.split, drawn.label_names, drawn.rows, drawn.name
    )
    assert (~EvaluationSplit.of(copied).not_duplicate).sum() == 1
    assert EvaluationSplit.of(drawn).not_duplicate.all()
    alone = copied.only(copied.split == 2)
    assert not EvaluationSplit.of(alone).not_duplicate.any()  # nothing to compare with


def test_data_of_other_classes_is_refused(nano: ModelBundle) -> None:
    drawn = drawn_dataset((1, 1, 1))
    other = drawn.relabelled(drawn.labels, tuple("abcdefg"))
    with pytest.raises(FerError, match="drawn holds a, b, c"):
        measure_accuracy(TfliteModel(nano), EvaluationSplit.of(other))


def test_each_model_gets_the_pictures_in_its_own_input(tmp_path: Path) -> None:
    face = draw_face("happy", 100)
    for label in ("happy", "sad"):
        (tmp_path / "faces" / "test" / label).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "faces" / "test" / label / "a.png"), face)
    pictures = TestPictures(tmp_path / "faces")
    for spec in (InputSpec(), InputSpec(64, 64, "rgb")):
        assert pictures.for_input(spec).dataset.pixels.shape == (2, *spec.shape)
    assert pictures.for_input(InputSpec()) is pictures.for_input(InputSpec())


def test_of_a_table_only_the_test_pictures_are_enlarged(
    pictures: TestPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarged = []
    fitted = FerDataset.fitted
    monkeypatch.setattr(
        FerDataset, "fitted", lambda data, spec: enlarged.append(len(data)) or fitted(data, spec)
    )
    own, large = pictures.for_input(None), pictures.for_input(InputSpec(96, 96, "rgb"))
    assert enlarged == [len(own.dataset)]
    assert large.dataset.images.shape == (len(own.dataset), 96, 96, 3)
    assert np.array_equal(large.not_duplicate, own.not_duplicate)


def test_the_votes_of_ferplus_can_judge(tmp_path: Path) -> None:
    drawn = drawn_dataset((2, 1, 2))
    data, votes = save_npz(tmp_path / "d.npz", drawn), write_votes(tmp_path / "v.csv", drawn)
    judged = TestPictures(data, votes).for_input(InputSpec()).dataset
    assert judged.label_names == FERPLUS_LABELS


def test_a_fresh_process_pays_for_the_model(nano_path: Path) -> None:
    cost = measure_process(nano_path)
    assert 0 < cost.load_ms < 10_000
    assert cost.peak_rss_bytes is None or 10e6 < cost.peak_rss_bytes < 200e6


def test_a_system_that_tells_no_peak_of_memory_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory, "Path", lambda name: tmp_path / "status")
    (tmp_path / "status").write_text("VmSize:  100 kB\nVmRSS:  50 kB\n")
    assert memory.peak_rss_bytes() is None
    (tmp_path / "status").write_text("VmPeak:  100 kB\nVmHWM:  60 kB\n")
    assert memory.peak_rss_bytes() == 60 * 1024


def test_a_model_that_cannot_be_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="cannot read the model"):
        measure_process(tmp_path / "absent.tflite")


def test_the_environment_names_runtime_and_processor() -> None:
    environment = read_environment("litert 1", "xnnpack")
    assert environment.cores >= 1
    assert environment.cpu
    assert environment.runtime == "litert 1"
    assert environment.on_a_pi == ("Raspberry Pi" in environment.board)


def test_a_python_of_32_bits_is_no_aarch64_of_64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert read_environment("x", "y").system.endswith(", 32-bit Python")


@pytest.mark.parametrize(
    ("cpuinfo", "instructions", "lacks"),
    [
        ("flags\t\t: fpu avx2 fma\n", "avx2", True),
        ("flags\t\t: avx512_vnni avx2 avx512f\n", "avx2 avx512f avx512_vnni", False),
        ("flags : avx2 avx_vnni\n", "avx2 avx_vnni", False),
        ("Features\t: fp asimd crc32\n", "asimd", True),  # Pi 3 and 4
        ("Features\t: fp asimd asimddp\n", "asimd asimddp", False),  # Pi 5
        ("Features\t: half neon vfpv4\n", "neon", True),
        ("flags : fpu sse2\n", "none", True),
        (None, "unknown", False),
    ],
)
def test_the_environment_names_what_int8_needs(
    nano_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    cpuinfo: str | None, instructions: str, lacks: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(cores, "CPUINFO", tmp_path / "cpuinfo")
    if cpuinfo:
        (tmp_path / "cpuinfo").write_text(f"model name : One\n{cpuinfo}\nprocessor : 1\n")
    here = read_environment("x", "y")
    assert (here.cpu == "One") is bool(cpuinfo)
    assert (here.instructions, here.lacks_int8_products) == (instructions, lacks)
    timed = stored(bare_model())
    told = results_table(replace(timed, environment=here))
    shown = {"none": "no instructions for networks"}.get(
        instructions, f"instructions {instructions}"
    )
    assert f"{here.cpu}, {shown}, {here.cores} cores" in told
    assert "instructions" not in replace(here, instructions="").processor
    assert ("names no int8 dot products" in told) is lacks


def test_a_machine_is_busy_from_a_quarter_of_its_cores_on() -> None:
    assert is_busy(1.01, 4)
    assert not is_busy(1.0, 4)
    assert not is_busy(None, 4)


def test_the_fingerprint_is_of_the_judged_pictures_and_their_labels(
    nano_path: Path, nano: ModelBundle, tmp_path: Path
) -> None:
    drawn = drawn_dataset((1, 1, 2))
    test = np.flatnonzero(drawn.split == 2)
    labels, images = drawn.labels.copy(), drawn.images.copy()
    labels[test[:2]] = labels[test[:2]][::-1] + 1
    images[0] = 0  # of training
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    saved = {
        "drawn": save_npz(tmp_path / "drawn.npz", drawn),
        "other training": save_npz(tmp_path / "a" / "drawn.npz", replace(drawn, images=images)),
        "relabelled": save_npz(
            tmp_path / "b" / "drawn.npz", drawn.relabelled(labels % 7, drawn.label_names)
        ),
    }
    told = {name: TestPictures(path).described() for name, path in saved.items()}
    assert {text for text, _ in told.values()} == {"drawn.npz, test split, 14 pictures"}
    prints = {name: fingerprint for name, (_, fingerprint) in told.items()}
    assert prints["drawn"] == drawn.part("test").fingerprint() == prints["other training"]
    assert prints["relabelled"] != prints["drawn"]
    larger = ModelManifest("large", nano.manifest.labels[::-1], InputSpec(64, 64), "int8")
    pictures = TestPictures(saved["drawn"])
    pictures.for_model(ModelBundle(nano.model, larger))  # in another size and order
    assert pictures.described() == told["drawn"]
    results = run_benchmark([nano_path], pictures, None, QUICK, "", lambda line: None).results
    assert results.data_fingerprint == prints["drawn"]


def test_the_fingerprint_of_folders_is_that_of_the_test_pictures_alone(tmp_path: Path) -> None:
    for split, label in product(("train", "test"), ("happy", "sad")):
        (tmp_path / split / label).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / split / label / "b.png"), draw_face(label))
    before = TestPictures(tmp_path).described()
    cv2.imwrite(str(tmp_path / "train" / "happy" / "a.png"), draw_face("happy", seed=1))
    assert TestPictures(tmp_path).described() == before
    cv2.imwrite(str(tmp_path / "test" / "happy" / "a.png"), draw_face("happy", seed=1))
    assert TestPictures(tmp_path).described() != before


def test_the_slowdown_is_that_against_the_best_of_the_whole_run(
    nano_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best_ms = iter([4.0, 1.0, 3.0])

    def measured(*words: Any) -> tuple[list[list[Round]], float]:
        moment = Moment(reference_ms=4.0)
        return [[Round(np.ones(9), moment, moment)]], next(best_ms)

    monkeypatch.setattr(
        bench, "ways_to_run", lambda: [(1, "xnnpack"), (2, "xnnpack"), (1, "builtin")]
    )
    monkeypatch.setattr(bench, "measure_interleaved", measured)
    (model,) = run_benchmark([nano_path], None, None, QUICK, "", lambda line: None).results.models
    assert model.conditions.slowdown == 4.0
    assert model.conditions.noisy
