"""The files of the boards for Grafana: panels in their places, of metrics that there are."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from fer_core import __version__
from fer_core.labels import FER2013_LABELS
from fer_core.settings import load_settings
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.overlay import colour_of
from fer_edge.page.metrics import metrics_text
from fer_edge.page.view import LiveView
from fer_edge.session.config import EdgeConfig

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
        for name in re.findall(r'(?:\bcount(?:ers|ed)\[|_count\(run, )"(\w+)"', file.read_text())
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
    mounted = re.findall(r"- \./(\S+?):|\[\./(\S+?):", (FOLDER / "compose.yaml").read_text())
    names = {one or other for one, other in mounted}
    own = {"camera.toml", "mosquitto.conf", "prometheus.yaml", "provisioning", "dashboards"}
    assert names == {*own, "token"}
    assert all((FOLDER / each).exists() for each in own)
    for users in (".env", "token"):
        assert f"examples/grafana/{users}" in (ROOT / ".gitignore").read_text()


def test_the_container_of_the_camera_has_no_rights_and_settings_that_fit() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not here")
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    assert {*services} == {"camera", "broker", "prometheus", "grafana"}
    for name in ("camera", "broker"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
    camera = services["camera"]
    assert camera["image"] == f"fer-edge-kit:{__version__}"
    option, file = camera["command"]
    assert (option, f"./camera.toml:{file}:ro") == ("--config", camera["volumes"][0])
    config = load_settings(EdgeConfig, FOLDER / "camera.toml", {})
    assert config.mqtt == "mqtt://broker"
    assert camera["depends_on"] == ["broker"]
    assert camera["devices"] == [f"/dev/video{config.camera}"]
    port = config.serve.rpartition(":")[2]
    assert camera["ports"] == [f"127.0.0.1:{port}:{port}"]
    scraped = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    assert f"camera:{port}" in [
        target for each in scraped[0]["static_configs"] for target in each["targets"]
    ]
    listener = (FOLDER / "mosquitto.conf").read_text()
    assert "\nlistener 1883\n" in listener
    assert "ports" not in services["broker"], "it asks for no password"
