"""A running fer-edge gets another model: from its page, and by hand."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from commands import call
from drawn_faces import draw_scene
from fer_core.bundle import ModelBundle
from fer_edge.history.sqlite_file import reading
from mjpeg_server import MjpegServer
from new_models import renamed
from running_device import SHORT_TRIAL, running, slow

pytestmark = [pytest.mark.device, pytest.mark.slow]


@pytest.fixture(scope="module")
def camera() -> Iterator[MjpegServer]:
    """A camera with a face that sways."""
    scenes = [draw_scene("happy", x=200 + abs(step)) for step in range(-20, 20, 2)]
    jpegs = [cv2.imencode(".jpg", scene)[1].tobytes() for scene in scenes]
    with MjpegServer(jpegs, 1 / 15) as server:
        yield server


def test_a_model_that_is_sent_takes_over_and_no_frame_is_lost(
    tmp_path: Path, camera: MjpegServer, nano: ModelBundle
) -> None:
    with running(camera, tmp_path, SHORT_TRIAL, "--history", "h.sqlite") as runner:
        mine = renamed(nano, "mine").to_bytes()
        status, told = runner.ask("/models", mine)
        assert (status, json.loads(told)["model"]) == (200, "mine-int8")
        runner.wait_until(lambda: runner.lines("events.jsonl")[-1]["label"].startswith("my-"))
        runner.wait_until(lambda: runner.models()["state"] == "kept")
        assert runner.models()["running"]["labels"][0] == "my-angry"
        assert runner.models()["before"]["name"] == "fer-small-int8"
        assert runner.ask("/healthz")[1].startswith("ok\nmodel mine-int8 ")
        seen = runner.lines("seen.jsonl")
        metrics = runner.ask("/metrics")[1]
        assert "fer_edge_model_swaps_total 1\n" in metrics
        dropped = int(metrics.partition("\nfer_edge_frames_dropped_total ")[2].split()[0])
        about = json.loads(runner.ask("/about")[1])
        assert next(iter(about["colours"])) == "my-angry"
        assert "the models that are sent in models" in about["stored"]
        assert json.loads(runner.ask("/history?period=week")[1])["kept_days"] == 30
        said = runner.end()
    told = [(each["kind"], each["label"][:3]) for each in runner.lines("events.jsonl")]
    assert told == [
        ("started", "hap"),
        ("ended", "non"),
        ("started", "my-"),
        ("ended", "non"),
    ]
    with reading(tmp_path / "h.sqlite") as history:
        kept = history.rows("SELECT kind, label FROM events ORDER BY at")
        ((seconds,),) = history.rows("SELECT SUM(seconds) FROM minutes WHERE camera = 'camera'")
    assert [(kind, label[:3]) for kind, label in kept] == told
    whole = runner.lines("seen.jsonl")
    span = whole[-1]["time_s"] - whole[0]["time_s"]
    assert span / 2 < seconds <= span
    frames = [line["frame"] for line in seen]
    assert frames == sorted(set(frames))
    missing = set(range(frames[0], frames[-1])) - set(frames)
    assert len(missing) <= dropped  # by the camera, since this machine has other work
    assert "the model mine-int8" in said
    assert "is kept" in said


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_model_that_kills_the_process_is_taken_back_at_the_next_start(
    tmp_path: Path, camera: MjpegServer, nano: ModelBundle
) -> None:
    with running(camera, tmp_path) as runner:
        assert runner.ask("/models", renamed(nano, "mine").to_bytes())[0] == 200
        runner.wait_until(lambda: runner.models()["running"]["name"] == "mine-int8")
        runner.end(signal.SIGKILL)
    (tmp_path / "events.jsonl").unlink()
    with running(camera, tmp_path) as runner:
        assert runner.models()["running"]["name"] == "fer-small-int8"
        assert runner.models()["state"] == "taken back"
        assert runner.lines("events.jsonl")[0]["label"] == "happy"
        said = runner.end()
    assert "is taken back: fer-edge ended without a word while it was on trial" in said
    listed = call("fer-edge", "models", "list", cwd=tmp_path).stdout
    assert "in use   fer-small-int8" in listed
    assert "failed   mine-int8" in listed


def test_by_hand_and_taken_back_by_itself_since_it_is_slow(
    tmp_path: Path, camera: MjpegServer, nano: ModelBundle
) -> None:
    renamed(nano, "slow", mark="").save(tmp_path / "slow.tflite")
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with running(camera, tmp_path, slow("slow-int8"), "--model", "fer-nano") as runner:
        call("fer-edge", "models", "use", "slow.tflite", cwd=tmp_path, **cache)
        runner.wait_until(lambda: runner.models()["running"]["name"] == "slow-int8")
        call("fer-edge", "models", "use", "fer-base", cwd=tmp_path, code=1, **cache)
        runner.wait_until(lambda: runner.models()["state"] == "taken back")
        assert "times as long as the model before" in runner.models()["why"]
        assert runner.models()["running"]["name"] == "fer-nano-int8"
        call("fer-edge", "models", "back", cwd=tmp_path, code=1)
        runner.end()
    told = [each["kind"] for each in runner.lines("events.jsonl")]
    assert told == ["started", "ended"]  # with the same labels the face lives on
