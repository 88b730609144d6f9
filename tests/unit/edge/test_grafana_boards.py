"""The files of the boards for Grafana: panels in their places, of metrics that there are."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from fer_core.labels import FER2013_LABELS
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.overlay import colour_of
from fer_edge.page.metrics import metrics_text
from fer_edge.page.view import LiveView

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "grafana"
BOARDS = ("fer-edge.json", "history.json")


def board(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / "dashboards" / name).read_text()))


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_their_own_ids_and_places(name: str) -> None:
    panels = board(name)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) >= 4
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("name", BOARDS)
def test_sources_and_variables_are_those_that_are_there(name: str) -> None:
    provisioned = (FOLDER / "provisioning" / "datasources" / "fer-edge.yaml").read_text()
    known = dict(re.findall(r"uid: (\S+)\n\s+type: (\S+)", provisioned))
    told = board(name)
    sources = [panel["datasource"] for panel in told["panels"]]
    sources += [target["datasource"] for panel in told["panels"] for target in panel["targets"]]
    sources += [variable["datasource"] for variable in told["templating"]["list"]]
    assert {(each["uid"], each["type"]) for each in sources} <= {*known.items()}
    asked = set(re.findall(r"\$([a-z]\w*)", json.dumps(told["panels"])))
    assert asked == {variable["name"] for variable in told["templating"]["list"]}


def test_every_metric_of_the_board_is_one_that_a_run_has() -> None:
    counters = {
        name
        for file in (ROOT / "edge" / "fer_edge" / "session").glob("*.py")
        for name in re.findall(r'\bcount(?:ers|ed)\["(\w+)"\]', file.read_text())
    }
    assert {"history_dropped", "camera_reconnects"} <= counters
    counted = {name: {"": 1} for name in (*counters, "requests_refused")}
    text = metrics_text(LiveView(), counted, ModelFacts("m", "ab" * 32, ("happy",)))
    known = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    known |= {"up", "fer_edge_temperature_celsius"}  # Prometheus's own, and not of every computer
    wanted = {
        name
        for panel in board("fer-edge.json")["panels"]
        for target in panel["targets"]
        for name in re.findall(r"[a-z_]\w*(?=\{)", target["expr"])
    }
    assert wanted <= known
    assert len(wanted) > 15
    for metric in re.findall(r"`(\w+)`", (ROOT / "docs/reference/metrics.md").read_text()):
        if metric.endswith(("_total", "_seconds", "_bytes")):
            assert metric in known or f"fer_edge{metric}" in known, metric


@pytest.mark.parametrize("name", BOARDS)
def test_expressions_have_the_colours_of_the_page(name: str) -> None:
    for panel in board(name)["panels"]:
        overrides = panel["fieldConfig"]["overrides"]
        told = {
            each["matcher"]["options"]: each["properties"][0]["value"]["fixedColor"]
            for each in overrides
        }
        if told:
            assert told == {
                label: "#{2:02x}{1:02x}{0:02x}".format(*colour_of(label))
                for label in FER2013_LABELS
            }


def test_the_compose_file_names_files_that_are_there() -> None:
    mounted = re.findall(r"- \./(\S+?):", (FOLDER / "compose.yaml").read_text())
    assert {"prometheus.yaml", "token", "provisioning", "dashboards"} == {*mounted}
    there = [each for each in mounted if each != "token"]  # that is the user's
    assert all((FOLDER / each).exists() for each in there)
    assert "examples/grafana/token" in (ROOT / ".gitignore").read_text()
