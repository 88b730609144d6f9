import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")

from bench_results import bare_model, evaluated_model, stored
from fer_bench import cli
from fer_bench.figures import pareto_front
from fer_bench.html import html_report
from fer_bench.results import write_results

LATENCY = {"p50": 0.08, "p90": 0.09, "runs": 1000}
LATENCY |= {"percentiles": [0.07 + i / 5000 for i in range(51)]}
CLASSES = {"calm": (0.9, 0.8, 0.85, 50), "glad & gay": (0.8, 0.9, 0.85, 50)}
KEYS = ("precision", "recall", "f1", "support")
MODEL = evaluated_model(
    "fer-<nano>-int8",
    latency_ms=LATENCY,
    confusion=[[40, 10], [5, 45]],
    per_class={name: dict(zip(KEYS, row, strict=True)) for name, row in CLASSES.items()},
    reliability=[{"confidence": 0.5, "accuracy": 0.4, "count": 9}],
    robustness={"blur": 0.5, "noise": 0.4},
)
CLIP = {
    "clip": "a.mp4", "frames": 9, "frames_with_face": 9,
    "loops": [
        {
            "name": "fer-nano-int8", "seconds": 0.024, "frames_per_second": 377.0, "found": 9,
            "false_boxes": 0, "stages_ms": {"search": 1.0, "follow": 2.0},
        }
    ],
}  # fmt: skip
RESULTS = stored(MODEL, clips=[CLIP], data="fer2013.npz, 3589 pictures")


def test_the_page_holds_every_plot_and_needs_nothing_else() -> None:
    page = html_report(RESULTS)
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Accuracy against latency",
        "Is it as sure as it is right?",
        "What is taken for what",
        "What cameras do to it",
        "How long a face takes",
        "Where a frame&#x27;s time goes",
    ]
    assert len(re.findall("<svg", page)) == 6
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert "fer-&lt;nano&gt;-int8" in page
    assert "fer-<nano>" not in page
    assert "currentColor" in page
    assert "prefers-color-scheme: dark" in page
    assert "Not measured on a Pi" in page


def test_every_plot_is_well_formed() -> None:
    for plot in re.findall(r"<figure>(.*?)</figure>", html_report(RESULTS), re.DOTALL):
        ElementTree.fromstring(plot)


def test_many_models_fit_the_plots() -> None:
    models = [{**MODEL, "name": f"network-{index}-int8"} for index in range(12)]
    page = html_report(stored(*models))  # a plot without room is a warning
    for model in models:
        assert page.count(model["name"]) >= 8


def test_a_page_of_what_there_is() -> None:
    page = html_report(stored(bare_model(parameters=57_783)))
    assert "<h2>" not in page
    assert "57,783" in page


def test_the_front_holds_those_that_no_other_beats() -> None:
    points = [(1.0, 60.0), (2.0, 66.0), (1.5, 59.0), (3.0, 66.0), (4.0, 70.0), (1.0, 58.0)]
    assert pareto_front(points) == [(1.0, 60.0), (2.0, 66.0), (4.0, 70.0)]


def test_the_command_writes_a_page_or_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    write_results(path, RESULTS)
    cli.report(path, None)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    cli.report(path, tmp_path / "table.md")
    assert (tmp_path / "table.md").read_text().startswith("| model |")
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    (tmp_path / "report.html").unlink()
    capsys.readouterr()
    cli.report(path, None)
    told = capsys.readouterr()
    assert told.out.startswith("| model |")
    assert "pip install '.[report]'" in told.err
    with pytest.raises(cli.FerError, match="plots need Matplotlib"):
        cli.report(path, tmp_path / "a.html")
