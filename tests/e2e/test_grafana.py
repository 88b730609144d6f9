"""The boards for Grafana: each query asked of a real Prometheus or PostgreSQL with data in it."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from commands import command_path
from drawn_faces import draw_scene
from fer_edge.history.periods import hour_of
from fer_edge.history.place import Place
from history_rows import event, looks, merged
from mjpeg_server import MjpegServer
from mqtt_broker import Broker
from postgres_server import postgres_server
from running_device import free_port

pytestmark = pytest.mark.device
BOARDS = Path(__file__).parents[2] / "examples" / "grafana" / "dashboards"
PROMETHEUS = shutil.which("prometheus")
PATIENCE_SECONDS = 60.0
MAY_BE_EMPTY = {"Temperature"}
"""Panels of what not every computer tells."""


def panels(name: str) -> list[dict[str, Any]]:
    return list(json.loads((BOARDS / name).read_text())["panels"])


def wait_until(true: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < limit, what
        time.sleep(0.2)


@contextmanager
def program(*words: object, cwd: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    with (cwd / f"{Path(str(words[0])).name}.log").open("wb") as log:
        running = subprocess.Popen(
            [*map(str, words)], cwd=cwd, env={**os.environ, **env}, stdout=log, stderr=log
        )
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(10)


def answer(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as told:
        return json.loads(told.read())


@contextmanager
def watched_run(folder: Path) -> Iterator[str]:
    """Yield the address of a Prometheus that asks a run with two cameras of drawn faces."""
    faces = [draw_scene(label) for label in ("happy", "surprise") for _ in range(40)]
    faces += [np.full((480, 640, 3), 90, np.uint8)] * 40
    jpegs = [cv2.imencode(".jpg", each)[1].tobytes() for each in faces]
    page, port = free_port(), free_port()
    with ExitStack() as stack:
        cameras = [stack.enter_context(MjpegServer(jpegs, 1 / 15)) for _ in range(2)]
        broker = Broker(folder)
        stack.callback(broker.end)
        broker.start()
        (folder / "fer-edge.toml").write_text(f'mqtt = "mqtt://127.0.0.1:{broker.port}"\n')
        words = [f"--camera=door={cameras[0].url}", f"--camera=desk={cameras[1].url}"]
        words += ["--no-show", "--quiet", "--events=e.jsonl", "--history=h.sqlite"]
        words += ["--clips=clips", f"--serve={page}", "--config=fer-edge.toml"]
        cache = str(folder / "cache")
        edge = command_path("fer-edge")
        stack.enter_context(program(edge, *words, cwd=folder, XDG_CACHE_HOME=cache))
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs:\n"
            "  - job_name: fer-edge\n"
            f"    static_configs: [{{targets: ['127.0.0.1:{page}'], labels: {{instance: hall}}}}]\n"
        )
        listens = f"--web.listen-address=127.0.0.1:{port}"
        kept = [f"--storage.tsdb.path={folder / 'tsdb'}", "--config.file=prometheus.yml"]
        stack.enter_context(program(PROMETHEUS, listens, *kept, cwd=folder))
        yield f"http://127.0.0.1:{port}"


def ask(prometheus: str, query: str) -> list[dict[str, Any]]:
    told = answer(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    assert told["status"] == "success"
    return list(told["data"]["result"])


def is_there(prometheus: str, query: str) -> bool:
    try:
        return bool(ask(prometheus, query))
    except OSError:
        return False


def filled_in(query: str) -> str:
    """Return a query as Grafana sends it where everything is chosen."""
    for name, value in (
        *(("$__rate_interval", "20s"), ("$__range", "60s")),
        *(("$instance", ".*"), ("$camera", ".*")),
    ):
        query = query.replace(name, value)
    assert "$" not in query
    return query


@pytest.mark.skipif(not PROMETHEUS, reason="needs Prometheus: sudo apt install prometheus")
def test_every_panel_shows_what_a_run_tells_prometheus(tmp_path: Path) -> None:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed: extra [mqtt]")
    pytest.importorskip("av", reason="PyAV is not installed")
    with watched_run(tmp_path) as prometheus:
        seen = "rate(fer_edge_expression_seconds_total[10s]) > 0"
        wait_until(lambda: is_there(prometheus, seen), "no expression was seen")
        found = {
            (panel["title"], target["refId"]): ask(prometheus, filled_in(target["expr"]))
            for panel in panels("fer-edge.json")
            for target in panel["targets"]
        }
        for variable in json.loads((BOARDS / "fer-edge.json").read_text())["templating"]["list"]:
            series, label = re.fullmatch(
                r"label_values\((.*), (\w+)\)", variable["query"]["query"]
            ).groups()  # type: ignore[union-attr]
            values = {each["metric"].get(label) for each in ask(prometheus, filled_in(series))}
            assert values == ({"hall"} if label == "instance" else {"door", "desk"})
    empty = {title for (title, _), series in found.items() if not series}
    assert empty <= MAY_BE_EMPTY
    values = [float(each["value"][1]) for series in found.values() for each in series]
    assert all(map(math.isfinite, values))
    cameras = {each["metric"]["camera"] for each in found["Cameras", "A"]}
    assert cameras == {"door", "desk"}
    assert {each["value"][1] for each in found["Cameras", "A"]} == {"1"}
    shares = {each["metric"]["label"]: float(each["value"][1]) for each in found["Shares", "A"]}
    assert sum(shares.values()) > 0
    assert float(found["Memory", "A"][0]["value"][1]) > 5e7


def sql_as_grafana_sends_it(query: str, first: int, last: int) -> str:
    query = re.sub(r"\$__unixEpochFilter\((\w+)\)", rf"\1 >= {first} AND \1 <= {last}", query)
    for name, values in (("$camera", "'hall/c', 'hall/door'"), ("$person", "'', 'anna'")):
        query = query.replace(name, values)
    assert "$" not in query
    return query


def test_every_panel_of_the_history_finds_its_rows() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: extra [postgres]")
    from fer_edge.history.postgres import Server

    board = json.loads((BOARDS / "history.json").read_text())
    now = hour_of(int(time.time()))
    batch = merged([looks(now, 5, "happy", "anna"), looks(now, 3, "sad", "", camera="door")])
    batch.events.append(event(now + 5.0, "anna"))
    with postgres_server() as server:
        store = Place(server.url).store("hall")
        store.write(batch)
        store.close()
        with Server.of(server.url).connected() as connection:

            def found(query: str) -> list[tuple[Any, ...]]:
                sent = sql_as_grafana_sends_it(query, now, now + 3600)
                return list(connection.execute(sent.encode()).fetchall())

            rows = {each["title"]: found(each["targets"][0]["rawSql"]) for each in board["panels"]}
            names = [found(each["query"]) for each in board["templating"]["list"]]
    assert rows["Time in sight, by hour"] == [(now, "happy", 300.0), (now, "sad", 180.0)]
    assert rows["Shares"] == [("happy", 300.0), ("sad", 180.0)]
    assert rows["Who, by expression"] == [("anna", "happy", 300.0), ("not known", "sad", 180.0)]
    assert [row[1:] for row in rows["Changes"]] == [("hall/c", "anna", "started", "happy", 0.75)]
    assert names == [[("hall/c",), ("hall/door",)], [("",), ("anna",)]]
