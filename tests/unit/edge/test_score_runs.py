"""`fer-edge score` as a whole: equal to fer-edge, killed and resumed, with bad sources."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: extra [score]")

from pyarrow import parquet

from child_processes import pool_workers
from commands import call_here, command_path
from drawn_faces import draw_scene, save_video
from fer_core.errors import FerError
from fer_edge.score import run as score_run
from fer_edge.score.plan import Plan
from fer_edge.score.pools import Work
from fer_edge.score.run import Outcome, Request, score
from fer_edge.score.settings import prepare
from score_works import Deadly, FullDisk, NeverStarts, Nothing, Refuses

ASTRONAUT = Path(__file__).parents[3] / "edge/fer_edge/assets/astronaut.jpg"


def photos(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    expressions = ("happy", "sad", "surprise", "neutral")
    for index in range(count):
        scene = draw_scene(expressions[index % 4], seed=index // 4)
        cv2.imwrite(str(folder / f"{index:03d}.png"), scene)
    return folder


def rows(out: Path) -> list[dict[str, Any]]:
    found = parquet.read_table(out / "faces").to_pylist() if (out / "faces").exists() else []
    return sorted(found, key=lambda row: (row["source"], row["frame"], str(row["box"])))


def errors(out: Path) -> dict[str, str]:
    return {
        Path(row["source"]).name: row["reason"]
        for row in parquet.read_table(out / "errors.parquet").to_pylist()
    }


def covered(out: Path) -> Counter[int]:
    """Return how often each number of a source is in the manifest."""
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    return Counter(n for line in lines for n in range(line["first"], line["first"] + line["count"]))


def run(words: Path, out: Path, work: Work, on: str = "local:1", **more: Any) -> Outcome:
    out.mkdir(exist_ok=True)
    request = Request((str(words),), out, on, **more)
    return score(request, work, threading.Event(), lambda line: None)


def test_rows_are_those_of_fer_edge(tmp_path: Path) -> None:
    place = photos(tmp_path / "in", 3)
    (place / "a.jpg").write_bytes(ASTRONAUT.read_bytes())
    large = cv2.resize(cv2.imread(str(ASTRONAUT)), None, fx=8, fy=8)
    cv2.imwrite(str(place / "large.jpg"), large)  # decoded at half its sides
    (place / "bad.jpg").write_text("no picture")
    call_here("fer-edge", "score", place, "--out", "F", "--on", "local:1", cwd=tmp_path)
    lines = call_here("fer-edge", place, "--json", "seen.jsonl", cwd=tmp_path, code=1)
    assert "1 of 6 pictures cannot be read" in lines.stderr
    seen = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text().splitlines()]
    found = rows(tmp_path / "F")
    assert len(found) == len(seen) >= 5
    for row, line in zip(found, sorted(seen, key=lambda each: each["source"]), strict=True):
        assert Path(row["source"]).name == line["source"]
        assert list(row["box"].values()) == line["box"]
        assert round(row["roll_degrees"], 1) == line["roll_degrees"]
        assert (row["label"], round(row["confidence"], 4)) == (line["label"], line["confidence"])
        rounded = {label: round(share, 4) for label, share in row["probabilities"].items()}
        assert rounded == line["probabilities"]
        assert row["size_px"] == min(line["box"][2:])
        assert 0 < row["sharpness"] < 4
    assert errors(tmp_path / "F") == {"bad.jpg": "no picture or of an unknown format"}


def test_frames_of_a_video_are_taken_every_so_often(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    save_video(place / "clip.avi", [draw_scene("happy")] * 25)  # 10 frames a second
    (place / "torn.mp4").write_bytes(b"no video")
    done = call_here(
        "fer-edge", "score", place, "--out", "F", "--every", "0.5s", "--on", "local:1", cwd=tmp_path
    )
    found = rows(tmp_path / "F")
    assert [row["frame"] for row in found] == [0, 5, 10, 15, 20]
    assert [row["time_s"] for row in found] == pytest.approx([0, 0.5, 1, 1.5, 2], abs=1e-3)
    assert "torn.mp4 is no video" in errors(tmp_path / "F")["torn.mp4"]
    assert done.stdout == f"2 sources: {len(found)} faces, 1 error (F/errors.parquet)\n"


def test_a_summary_counts_and_draws(tmp_path: Path) -> None:
    photos(tmp_path / "in", 4)
    (tmp_path / "in" / "bad.jpg").write_text("no picture")
    call_here("fer-edge", "score", "in", "--out", "F", "--on", "local:1", cwd=tmp_path)
    shown = call_here("fer-edge", "score", "--summary", "--out", "F", cwd=tmp_path).stdout
    assert shown.startswith("5 sources, 4 frames, 4 faces\n")
    assert "           1  no picture or of an unknown format\n" in shown
    assert cv2.imread(str(tmp_path / "F/summary.png")).shape[1] == 900


def test_a_summary_without_a_face_is_no_error(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((120, 160, 3), 128, np.uint8))
    call_here("fer-edge", "score", "blank.png", "--out", "F", "--on", "local:1", cwd=tmp_path)
    done = call_here("fer-edge", "score", "--summary", "--out", "F", cwd=tmp_path)
    assert done.stdout.startswith("1 source, 1 frame, 0 faces\nno face: 1 source\n")
    assert done.stderr == "no face yet, so no picture is drawn\n"
    assert not (tmp_path / "F/summary.png").exists()


def test_a_source_that_vanished_is_an_error_and_is_read_when_it_is_back(tmp_path: Path) -> None:
    place, out = photos(tmp_path / "in", 3), tmp_path / "out"
    work = prepare(out, "fer-nano", "haar", 1.0)
    Plan(out / "plan")
    stopped = threading.Event()
    stopped.set()
    request = Request((str(place),), out, "local:1")
    score(request, work, stopped, lambda line: None)
    gone = (place / "001.png").rename(tmp_path / "001.png")
    outcome = score(request, work, threading.Event(), lambda line: None)
    assert (outcome.done, outcome.faces, outcome.errors) == (3, 2, 1)
    assert errors(out) == {"001.png": "No such file or directory"}
    gone.rename(place / "001.png")
    outcome = run(place, out, work, again=True)
    assert (outcome.done, outcome.faces, outcome.errors) == (3, 3, 0)
    assert errors(out) == {}


def test_next_to_a_damaged_source_new_ones_are_found(tmp_path: Path) -> None:
    place, out = photos(tmp_path / "in", 2), tmp_path / "out"
    work = prepare(out, "fer-nano", "haar", 1.0)
    damaged = place / "000.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    assert run(place, out, work).errors == 1
    shutil.copy(place / "001.png", place / "002.png")
    outcome = run(place, out, work, again=True)
    assert (outcome.done, outcome.faces, outcome.errors) == (3, 2, 1)


def test_a_video_that_is_cut_short_is_an_error_and_keeps_its_faces(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    whole = save_video(place / "whole.avi", [draw_scene("happy")] * 40, fps=10).read_bytes()
    (place / "half.avi").write_bytes(whole[: len(whole) // 2])
    (place / "head.avi").write_bytes(whole[:300])
    done = call_here("fer-edge", "score", place, "--out", "F", "--on", "local:1", cwd=tmp_path)
    assert "LIST" not in done.stderr, "OpenCV writes what it misses"
    said = errors(tmp_path / "F")
    assert set(said) == {"half.avi", "head.avi"}
    assert re.fullmatch(
        r"the video is cut short .* 5\d% of its length is missing.*", said["half.avi"]
    )
    seen = Counter(Path(row["source"]).name for row in rows(tmp_path / "F"))
    assert seen == {"whole.avi": 4, "half.avi": 2}


def test_a_crash_of_a_native_library_costs_one_source(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    for name in ("a", "b", "poison", "c", "d"):
        (place / f"{name}.jpg").touch()
    outcome = run(place, tmp_path / "out", Deadly(), "local:2")
    assert (outcome.done, outcome.errors) == (5, 1)
    assert errors(tmp_path / "out") == {"poison.jpg": "its process died (SIGSEGV)"}


def test_errors_of_a_run_that_was_killed_at_its_end_are_written_by_the_next(
    tmp_path: Path,
) -> None:
    place, out = tmp_path / "in", tmp_path / "out"
    place.mkdir()
    (place / "poison.jpg").touch()
    run(place, out, Deadly())
    (out / "errors.parquet").unlink()
    assert run(place, out, Deadly()).errors == 1
    assert list(errors(out)) == ["poison.jpg"]


def test_workers_that_never_start_end_the_run(tmp_path: Path) -> None:
    photos(tmp_path / "in", 1)
    with pytest.raises(FerError, match=r"no worker starts: its process died \(exit code 3\)"):
        run(tmp_path / "in", tmp_path / "out", NeverStarts())
    with pytest.raises(FerError, match="there is no cascade"):
        run(tmp_path / "in", tmp_path / "out", Refuses())
    assert run(tmp_path / "in", tmp_path / "out", Nothing()).done == 1


def test_a_full_disk_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    place, out = photos(tmp_path / "in", 4), tmp_path / "out"
    work = prepare(out, "fer-nano", "haar", 1.0)
    full = FullDisk(work.out, work.detector, work.every)
    with pytest.raises(FerError, match=r"cannot write .*parquet: .*File too large"):
        run(place, out, full, most=2)
    assert list((out / "faces").rglob("*.parquet")) == []
    outcome = run(place, out, work)
    assert (outcome.done, outcome.faces, outcome.errors) == (4, 4, 0)


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    place, out = photos(tmp_path / "in", 1), tmp_path / "out"
    refused: list[str] = []

    def intrude(line: str) -> None:
        with pytest.raises(FerError) as raised:
            run(place, out, Nothing())
        refused.append(str(raised.value))

    out.mkdir()
    score(Request((str(place),), out, "local:1"), Nothing(), threading.Event(), intrude)
    assert "fer-edge score is writing into" in refused[0]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the workers in /proc")
def test_killed_at_any_moment_the_same_command_goes_on(tmp_path: Path) -> None:
    place, out = photos(tmp_path / "in", 16), tmp_path / "out"
    call_here("fer-edge", "score", place, "--out", "whole", "--on", "local:2", cwd=tmp_path)
    command = [command_path("fer-edge"), "score", str(place), "--out", str(out)]
    command += ["--on", "local:2", "--piece", "2", "--quiet"]
    for how, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 130)):
        driver = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        before, ends = shards(out), time.monotonic() + 120
        while shards(out) <= before and driver.poll() is None:
            assert time.monotonic() < ends, "no shard is written"
            time.sleep(0.01)
        for worker in pool_workers(driver.pid)[:1]:
            os.kill(worker, signal.SIGKILL)
        driver.send_signal(how)
        assert driver.wait(60) == code
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "16 sources: 16 faces\n"
    assert rows(out) == rows(tmp_path / "whole")
    assert covered(out) == Counter(range(16))
    assert len(list((out / "faces").rglob("*"))) - 1 == shards(out)  # nothing unfinished


def shards(out: Path) -> int:
    return len(list((out / "faces").rglob("*.parquet"))) if out.exists() else 0


def test_plain_fer_edge_imports_nothing_of_it() -> None:
    code = (
        "import sys\nsys.argv = ['fer-edge', 'score', '--help']\n"
        "try:\n import fer_edge.cli; fer_edge.cli.main()\nexcept SystemExit: pass\n"
        "print({'pyarrow', 'fsspec', 'ray', 'numpy', 'multiprocessing'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("set()")


def test_no_more_workers_start_than_one_may_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    monkeypatch.setattr(score_run, "most_processes", lambda: 60)
    monkeypatch.setattr(score_run, "LocalPool", lambda work, workers: started.append(workers))
    said: list[str] = []
    score_run.make_pool("local:100", Nothing(), said.append)
    assert started == [60]
    assert said == ["60 workers on this computer"]
