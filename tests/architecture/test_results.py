"""The committed results are those of the shipped files, and hold what is promised of them."""

import json
import re
from pathlib import Path
from statistics import mean

import pytest

from fer_bench.records import ModelRecord
from fer_bench.report import results_table
from fer_bench.results import read_results
from fer_core.bundle import ModelBundle
from fer_edge.deployment.signing.file_signature import FileSignature
from fer_edge.inference.models import shipped_models

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "benchmarks" / "reference" / "x86-64-2-cores"
MEASURED = REFERENCE.with_name("x86-64-2-cores-avx2")
"""The shipped files. REFERENCE has what the time of a face is on another processor."""
PROMISED = {  # least accuracy on PrivateTest, most times the latency of mini-xception in the run
    "fer-nano": (0.67, 1.7),
    "fer-small": (0.70, 3.4),
    "fer-base": (0.715, 11.5),
}
"""0.15, 0.3 and 1.0 ms where mini-xception takes 0.087 ms: machines differ, ratios hardly."""

AGREEMENT = {"fer-nano-ferplus": 0.77, "fer-small-ferplus": 0.78, "fer-base-ferplus": 0.78}
"""Least agreement with what most voters of FER+ say of PrivateTest, without contempt."""
ELSEWHERE = json.loads((REFERENCE.parent / "elsewhere.json").read_text())


def measured(name: str, folder: Path = MEASURED) -> ModelRecord:
    results = read_results(folder / "results.json")
    (model,) = (each for each in results.models if each.name == f"{name}-int8")
    return model


def test_every_shipped_model_has_its_promise() -> None:
    assert PROMISED.keys() | AGREEMENT.keys() == shipped_models().keys()


@pytest.mark.parametrize("name", [*PROMISED, *AGREEMENT])
def test_the_reference_results_are_those_of_the_shipped_files(name: str) -> None:
    model, path = measured(name), shipped_models()[name]
    assert model.sha256 == ModelBundle.load(path).manifest.sha256
    carried = FileSignature.read(path.read_bytes())
    assert carried is not None
    assert model.file_bytes in (len(carried.signed), path.stat().st_size)  # before or after signing


@pytest.mark.parametrize("name", PROMISED)
def test_the_reference_results_hold_what_is_promised(name: str) -> None:
    accuracy, times = PROMISED[name]
    timed, reference = (measured(each, REFERENCE) for each in (name, "mini-xception"))
    assert timed.latency_ms.p50 <= times * reference.latency_ms.p50
    model = measured(name)
    assert (model.parameters, model.mmacs) == (timed.parameters, timed.mmacs)  # the same layers
    assert model.parity is not None
    assert model.parity.accuracy_change >= -0.003
    found = model.evaluation
    assert found is not None
    assert found.accuracy >= accuracy
    assert found.ece <= 0.03
    assert found.accuracy - found.robustness["shift and scale"] <= 0.02


@pytest.mark.parametrize("name", AGREEMENT)
def test_a_model_of_ferplus_agrees_with_people_and_is_no_worse_elsewhere(name: str) -> None:
    model, sibling = measured(name), measured(name.removesuffix("-ferplus"))
    found, its = model.evaluation, sibling.evaluation
    crowd, before = (each.crowd if each else None for each in (found, its))
    assert crowd is not None
    assert before is not None
    assert crowd.seven.share >= AGREEMENT[name]
    for now, then in ((crowd.seven, before.seven), (crowd.mild, before.mild)):
        assert now is not None
        assert then is not None
        assert now.share > then.share
    assert model.parity is not None
    assert model.parity.accuracy_change >= -0.003
    there, here = (
        mean(ELSEWHERE[each]["balanced_accuracy"].values())
        for each in (name.removesuffix("-ferplus"), name)
    )
    assert here >= there - 0.01  # a point of web131 is a picture
    assert ELSEWHERE[name]["sha256"] == model.sha256
    card = (ROOT / "docs" / "model-card.md").read_text()
    for each in (name.removesuffix("-ferplus"), name):
        recalls = ELSEWHERE[each]["balanced_accuracy"]
        cells = (f"{100 * recalls[faces]:.1f} %" for faces in ("ck48", "web131"))
        assert f"| {each} | {' | '.join(cells)} |" in card


@pytest.mark.parametrize(
    ("start", "folder"), [("model ", MEASURED), ("clip ", REFERENCE / "clips")]
)
def test_the_page_on_measuring_shows_what_the_terminal_shows(start: str, folder: Path) -> None:
    """Of the table of distortions some columns alone: its rows are left out here."""
    page = (ROOT / "docs" / "explanation" / "measuring.md").read_text()
    shown = results_table(read_results(folder / "results.json")).splitlines()
    after = page[page.index(f"\n    {start}") :].split("\n\n")[0]
    quoted = [line[4:] for line in after.splitlines() if line]
    others = ("...", "results: ", "distortion ", "blur ")
    assert len(quoted) > 5
    assert [line for line in quoted if not line.startswith(others) and line not in shown] == []


def test_no_path_of_a_machine_is_in_the_results() -> None:
    settings = sorted((ROOT / "train" / "results").rglob("config.toml"))
    assert len(settings) > len(PROMISED)
    paths = [line for file in settings for line in re.findall(r'"/.*"', file.read_text())]
    assert paths == []


@pytest.mark.parametrize("name", AGREEMENT)
def test_the_decision_on_votes_has_the_figures_of_the_study(name: str) -> None:
    page = (ROOT / "docs" / "decisions" / "0018-ferplus.md").read_text()
    size = name.removeprefix("fer-").removesuffix("-ferplus")
    study = ROOT / "train" / "studies" / "results" / f"ferplus-{size}.json"
    rows = [
        (row.pop("share"), row.pop("balance"), *row.values())
        for row in json.loads(study.read_text())
    ]
    shown = [row for row in rows if row[0] in (0, 0.2, 0.35, 0.5, 1) and row[1] in (0, 0.2)]
    table = "\n".join(
        f"| {share:g} | {balance:g} | {' | '.join(f'{100 * each:.1f}' for each in figures)} |"
        for share, balance, *figures in shown
    )
    assert f"\n{table}\n" in page.replace("**", "")


def test_the_decision_on_teachers_has_the_figures_of_the_batch_statistics() -> None:
    page = (ROOT / "docs" / "decisions" / "0009-teachers.md").read_text()
    folder = ROOT / "train" / "studies" / "results"
    studies = [
        json.loads((folder / f"batch-statistics-{size}.json").read_text())
        for size in ("nano", "small", "base")
    ]
    for rows in zip(*studies, strict=True):
        figures = [row[each] for row in rows for each in ("public", "ck48", "web131")]
        assert f" | {' | '.join(f'{100 * each:.1f}' for each in figures)} |" in page


DECISION = ROOT / "docs" / "decisions" / "0008-int8.md"
FORMATS = REFERENCE / "formats"


@pytest.mark.parametrize("name", PROMISED)
def test_every_format_of_each_network_was_measured(name: str) -> None:
    models = read_results(FORMATS / name / "results.json").models
    formats = ("float32", "float16", "dynamic", "int16x8", "int8", "qat-int8")
    assert [model.name for model in models] == [f"{name}-{each}" for each in formats]


@pytest.mark.parametrize("name", PROMISED)
def test_the_table_of_training_with_rounding_is_that_of_the_parities(name: str) -> None:
    parities = json.loads((FORMATS / "parity.json").read_text())
    after, trained = parities[f"{name}-int8"], parities[f"{name}-qat-int8"]
    shares = (after["parent_accuracy"], after["child_accuracy"], trained["child_accuracy"])
    before, rounded, learnt = (f"{100 * share:.2f}" for share in shares)
    row = f"| {name} | {before} | {rounded} | {after['flips']} | {learnt} | {trained['flips']} |"
    assert row in DECISION.read_text()


def test_the_table_of_calibration_is_that_of_its_rows() -> None:
    studies = json.loads(DECISION.with_suffix(".json").read_text())
    assert list(studies) == list(PROMISED)
    page = DECISION.read_text().replace("**", "")
    cases = {(row["quantizer"], row["pictures"]) for row in studies["fer-nano"]["rows"]}
    for case in cases:
        cells = [case[0], f"{case[1]:,}"]
        for study in studies.values():
            rows = [row for row in study["rows"] if (row["quantizer"], row["pictures"]) == case]
            accuracies, flips = [100 * row["accuracy"] for row in rows], [r["flips"] for r in rows]
            spread = f"{min(accuracies):.2f} to {max(accuracies):.2f}"
            cells += [f"{mean(accuracies):.2f}", spread, f"{mean(flips):.0f}"]
        assert f"| {' | '.join(cells)} |" in page
