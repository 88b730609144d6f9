"""Jobs: their progress, their end in every way, and what stays of pictures afterwards."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.bundle import ModelBundle
from fer_train.studio import jobs
from fer_train.studio.server import StudioOptions, open_studio
from fer_train.studio.studio import Studio
from served_studio import Served, encoded, lives, wait_until


def trained(served: Served, name: str = "mine") -> dict[str, object]:
    """Train with the stand-in; return the state once it has ended."""
    served.post("/api/train", name=name)
    wait_until(lambda: served.state()["job"] is None)
    return dict(served.state())


def begun(served: Served, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Begin a job that goes on for long; return the processes that it has started."""
    monkeypatch.setenv("STUDIO_STUB", "goes on")
    served.post("/api/train", name="mine")
    pids = served.folder / "runs" / "mine" / "pids"
    wait_until(pids.exists)
    wait_until(lambda: bool(pids.read_text()))
    processes = [int(pid) for pid in pids.read_text().split()]
    assert all(map(lives, processes))
    return processes


def test_a_job_tells_how_far_it_is_and_leaves_a_judged_bundle(served: Served) -> None:
    served.fill()
    state = served.state()
    assert (state["ready"], state["why_not"], state["failed"]) == (True, None, None)
    state = trained(served)
    assert state["failed"] is None
    (run,) = state["runs"]
    assert (run["name"], run["labels"][:4]) == ("mine", ["angry", "disgust", "fear", "happy"])
    assert (run["count"], run["bundle"], run["trained_with_deleted"]) == (10, True, False)
    assert 0 <= run["low"] <= run["accuracy"] <= run["high"] <= 1
    assert not (served.folder / ".job").exists()
    assert "runs/mine/mistakes.png" not in served.files()
    answer = served.get("/api/run", name="mine")
    confusion = np.array(answer["confusion"])
    assert confusion.sum() == answer["count"] == 10
    assert len(answer["mistakes"]) == 10 - np.trace(confusion)
    assert answer["accuracy"] == pytest.approx(np.trace(confusion) / 10)
    for mistake in answer["mistakes"]:
        assert mistake["file"] in served.pictures(**{"class": mistake["class"]})
        assert mistake["answered"] != mistake["class"]
        assert 0 < mistake["confidence"] <= 1
    assert answer["held_back"] == {"count": 10, "whole": ["happy", "sad"], "divided": []}
    assert answer["int8"]["kilobytes"] > 50
    path = served.folder / "runs" / "mine" / "mine-int8.tflite"
    validation = ModelBundle.load(path).manifest.metrics["validation"]
    assert answer["int8"]["flips"] == validation["flips"]
    assert served.ask("GET", "/api/bundle", name="mine") == (200, path.read_bytes())


def test_progress_is_told_while_it_goes_on_and_stop_ends_all(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill()
    processes = begun(served, monkeypatch)
    wait_until(lambda: served.state()["job"]["epoch"] == 2)
    job = served.state()["job"]
    assert (job["step"], job["epochs"]) == ("learn", 45)
    assert (job["kind"], job["name"], job["epochs"], job["seconds_left"]) == (
        "train",
        "mine",
        45,
        86,
    )
    assert job["curve"][1] == {
        "epoch": 2, "loss": 0.5, "accuracy": 0.6, "val_loss": 0.7, "val_accuracy": 0.8,
    }  # fmt: skip
    assert "mine is being trained" in served.error("/api/train", status=409, name="other")
    assert "wait for it, or stop it" in served.error("/api/runs/delete", status=409, name="mine")
    served.post("/api/stop")
    assert not any(map(lives, processes))
    state = served.state()
    assert (state["job"], state["failed"]) == (None, None)
    assert not (served.folder / ".job").exists()
    assert "runs/mine/history.csv" in served.files()
    assert "runs/mine/mistakes.png" not in served.files()
    (run,) = state["runs"]
    assert (run["name"], run["bundle"], run["accuracy"]) == ("mine", False, None)
    assert "not trained to its end" in served.error(
        "/api/look", encoded(draw_scene("sad")), model="mine"
    )
    assert served.ask("GET", "/api/run", name="mine")[0] == 400
    served.post("/api/stop")  # of nothing


@pytest.mark.parametrize(
    ("wish", "words"),
    [("fails", "studio-stub: the loss is nan"), ("crashes", "ValueError: a fault of ours")],
)
def test_a_job_that_fails_says_why(
    served: Served, monkeypatch: pytest.MonkeyPatch, wish: str, words: str
) -> None:
    served.fill()
    monkeypatch.setenv("STUDIO_STUB", wish)
    state = trained(served)
    assert state["failed"]["error"] == words
    assert not (served.folder / ".job").exists()
    assert "there is a model 'Mine' already" in served.error("/api/train", name="Mine")
    monkeypatch.setenv("STUDIO_STUB", "ends well")
    assert trained(served, "again")["failed"] is None


def test_the_end_of_the_studio_ends_its_job(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill()
    processes = begun(served, monkeypatch)
    served.close()
    assert not any(map(lives, processes))
    assert not (served.folder / ".job").exists()
    assert [path for path in served.files() if path.endswith((".npz", "mistakes.png"))] == []


SERVER = """
import sys, threading
from pathlib import Path
from fer_train.studio import jobs
from fer_core.bundle import ModelBundle
from fer_train.studio.server import StudioOptions, open_studio
jobs.TRAIN = "studio_stub"
with open_studio(StudioOptions(Path(sys.argv[1]), port=0, detector="haar")) as (studio, server):
    studio.jobs.start("mine", "fer-nano", 4)
    threading.Event().wait(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_a_studio_that_is_killed_leaves_no_process_and_the_next_one_no_pictures(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill()
    other = served.folder.with_name("other")
    shutil.copytree(served.folder / "faces", other / "faces")
    monkeypatch.setenv("STUDIO_STUB", "goes on")
    with subprocess.Popen([sys.executable, "-c", SERVER, str(other)]) as server:
        pids = other / "runs" / "mine" / "pids"
        wait_until(lambda: pids.exists() and bool(pids.read_text()))
        processes = [int(pid) for pid in pids.read_text().split()]
        server.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(lives, processes)))
    assert (other / ".job" / "data.npz").exists()
    with open_studio(StudioOptions(other, port=0, detector="haar")) as (studio, _):
        assert isinstance(studio, Studio)
        assert not (other / ".job").exists()
        assert not (other / "runs" / "mine" / "mistakes.png").exists()


@pytest.mark.parametrize("what", ["a class", "a picture"])
def test_a_training_ends_when_pictures_that_it_uses_are_deleted(
    served: Served, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    served.fill()
    processes = begun(served, monkeypatch)
    served.post("/api/classes/add", name="calm")
    uses = {each["name"]: each["uses"] for each in served.state()["classes"]}
    learned, unused = {"training": True, "runs": []}, {"training": False, "runs": []}
    assert uses == {"calm": unused, "happy": learned, "sad": learned}
    file = served.shoot("calm", draw_scene("happy"))["file"]
    served.post("/api/pictures/delete", **{"class": "calm", "file": file})
    served.post("/api/classes/delete", name="calm")
    assert all(map(lives, processes))
    assert (served.folder / ".job" / "data.npz").exists()
    first = served.pictures(**{"class": "sad"})[0]
    assert served.get("/api/uses", **{"class": "sad"})[first] == learned
    if what == "a class":
        served.post("/api/classes/delete", name="sad")
    else:
        served.post("/api/pictures/delete", **{"class": "sad", "file": first})
    assert not any(map(lives, processes))
    assert not (served.folder / ".job").exists()
    state = served.state()
    assert state["job"] is None
    assert state["failed"] == {
        "error": "mine was stopped: pictures that it learned from were deleted",
        "code": "learned_deleted",
        "figures": {"name": "mine"},
    }


def test_a_job_that_still_gathers_its_pictures_may_use_any() -> None:
    job = jobs.Job("mine", "fer-nano", 4)
    assert job.uses(frozenset(["a"]))
    assert not job.uses(frozenset())
    job.digests = frozenset(["b"])
    assert not job.uses(frozenset(["a"]))


def test_the_state_names_the_runs_that_learned_from_a_class_or_a_picture(served: Served) -> None:
    served.fill()
    trained(served)
    new = served.shoot("sad", draw_scene("sad", seed=99), recording="another-day")["file"]
    served.post("/api/classes/add", name="calm")
    uses = {each["name"]: each["uses"]["runs"] for each in served.state()["classes"]}
    assert uses == {"calm": [], "happy": ["mine"], "sad": ["mine"]}
    files = served.get("/api/uses", **{"class": "sad"})
    assert set(files) == set(served.pictures(**{"class": "sad"})) - {new}
    assert all(each == {"training": False, "runs": ["mine"]} for each in files.values())
    assert served.ask("GET", "/api/uses", **{"class": "nobody"})[0] == 404


def test_a_run_is_trained_anew_under_its_name_and_from_its_start(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill()
    served.post("/api/train", name="mine", init="fer-small")
    wait_until(lambda: served.state()["job"] is None)
    made = served.folder / "runs" / "mine"
    (made / "of-the-first").touch()
    first = served.pictures(**{"class": "sad"})[0]
    served.post("/api/pictures/delete", **{"class": "sad", "file": first})
    served.shoot("sad", draw_scene("sad", seed=99))

    monkeypatch.setenv("STUDIO_STUB", "fails")  # then the earlier one stays
    served.post("/api/train", again="mine")
    wait_until(lambda: served.state()["job"] is None)
    state = served.state()
    assert state["failed"]["error"] == "studio-stub: the loss is nan"
    assert [(each["name"], each["trained_with_deleted"]) for each in state["runs"]] == [
        ("mine", True)
    ]
    assert (made / "of-the-first").exists()
    assert served.get("/api/run", name="mine")["count"] == 10

    monkeypatch.setenv("STUDIO_STUB", "ends well")
    assert served.post("/api/train", again="mine") == {"name": "mine"}
    wait_until(lambda: served.state()["job"] is None)
    (run,) = served.state()["runs"]
    assert (run["name"], run["trained_with_deleted"], run["bundle"]) == ("mine", False, True)
    assert served.studio.runs.start_of("mine") == "fer-small"
    assert not (made / "of-the-first").exists()
    assert [path.name for path in made.parent.iterdir()] == ["mine"]

    assert served.error("/api/train", status=404, again="nobody")
    assert served.error("/api/train", status=404, again="../runs/mine")
    (made / "studio.json").unlink()
    assert "was not made here" in served.error("/api/train", again="mine")


def test_a_run_that_was_being_made_anew_when_the_studio_was_killed_comes_back(
    served: Served,
) -> None:
    served.fill()
    trained(served)
    before = {path.name: path.read_bytes() for path in (served.folder / "runs/mine").iterdir()}
    served.studio.runs.set_aside("mine")
    (served.folder / "runs" / "mine").mkdir()
    served.close()
    with open_studio(StudioOptions(served.folder, port=0, detector="haar")) as (studio, _):
        after = {path.name: path.read_bytes() for path in studio.runs.of("mine").iterdir()}
    assert after == before


def test_nothing_is_left_of_what_is_deleted(served: Served) -> None:
    served.fill()
    trained(served)
    crops = {path.read_bytes() for path in (served.folder / "faces").rglob("*.png")}
    pixels = {
        served.studio.collection.crop(p).tobytes() for p in (served.folder / "faces").rglob("*.png")
    }
    first = served.pictures(**{"class": "sad"})[0]
    served.post("/api/pictures/delete", **{"class": "sad", "file": first})
    assert served.state()["runs"][0]["trained_with_deleted"]
    for name in ("happy", "sad"):
        served.post("/api/classes/delete", name=name)
    left = [path for path in served.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in left if "runs" not in path.parts} <= {""}
    for path in left:
        content = path.read_bytes()
        assert not any(crop in content for crop in crops)
        assert not any(each in content for each in pixels)
        assert path.suffix not in (".png", ".npz", ".jpg")
    served.post("/api/runs/delete", name="mine")
    assert served.files() == []
    assert sorted(path.name for path in served.folder.iterdir() if path.is_dir()) == [
        "faces",
        "people",
        "runs",
    ]


def test_a_picture_that_was_moved_is_not_deleted_and_a_new_one_of_its_name_is_another(
    served: Served,
) -> None:
    served.fill()
    trained(served)
    last = served.pictures(**{"class": "sad"})[-1]
    moving = {"class": "sad", "file": last, "to": "happy"}
    there = served.post("/api/pictures/move", **moving)["file"]
    assert not served.state()["runs"][0]["trained_with_deleted"]
    served.post("/api/pictures/delete", **{"class": "happy", "file": there})
    shot = served.shoot("sad", draw_scene("sad", seed=99), recording=last.partition("~")[0])
    assert shot["file"] == last
    assert served.state()["runs"][0]["trained_with_deleted"]


def test_mistakes_are_found_by_their_content_and_counted_when_they_are_gone(
    served: Served,
) -> None:
    served.fill(("disgust", "fear"), count=30)
    trained(served)
    folder = served.folder / "faces"

    def mistakes() -> dict[tuple[str, bytes], str]:
        """Return the file of each mistake, by class and content; check the figures."""
        run = served.get("/api/run", name="mine")
        assert run["mistakes_count"] == count
        assert run["mistakes_gone"] == count - len(run["mistakes"])
        return {
            (each["class"], (folder / each["class"] / each["file"]).read_bytes()): each["file"]
            for each in run["mistakes"]
        }

    count = len(served.get("/api/run", name="mine")["mistakes"])
    before = mistakes()
    classes = [name for name, _ in before]
    most, other = sorted(("disgust", "fear"), key=classes.count, reverse=True)
    files = [file for (name, _), file in before.items() if name == most]
    assert len(files) > 3
    served.post("/api/classes/rename", name=most, to="gloomy")
    renamed = {("gloomy" if name == most else name, content) for name, content in before}
    assert set(mistakes()) == renamed
    served.post("/api/pictures/move", **{"class": "gloomy", "file": files[0], "to": other})
    changed = folder / "gloomy" / files[1]
    changed.write_bytes(changed.read_bytes() + b"other")
    served.post("/api/pictures/delete", **{"class": "gloomy", "file": files[2]})
    left = mistakes()
    assert len(left) == count - 3
    assert {name for name, _ in left} == {name for name, _ in renamed}
    served.post("/api/classes/delete", name="gloomy")
    assert all(name == other for name, _ in mistakes())


def test_the_new_network_answers_beside_the_one_that_it_started_from(served: Served) -> None:
    served.fill()
    trained(served)
    served.post("/api/train", name="other", init="fer-base")
    wait_until(lambda: served.state()["job"] is None)
    seen = served.post("/api/look", encoded(draw_scene("happy")), model="other")
    assert (seen["old"], seen["new"]) == ("fer-base", "other")
    for _ in range(2):
        seen = served.post("/api/look", encoded(draw_scene("happy")), model="mine")
        assert (seen["old"], seen["new"]) == ("fer-nano", "mine")
        (face,) = seen["faces"]
        assert len(face["box"]) == 4
        for which in ("old", "new"):
            assert sum(face[which]["probabilities"].values()) == pytest.approx(1, abs=0.01)
            shares = face[which]["probabilities"]
            assert face[which]["confidence"] == max(shares.values())
    assert (
        served.post("/api/look", encoded(np.full((90, 90, 3), 9, np.uint8)), model="mine")["faces"]
        == []
    )
    served.post("/api/runs/delete", name="mine")
    assert served.error("/api/look", encoded(draw_scene("happy")), status=404, model="mine")


def test_a_bundle_goes_to_a_device_and_its_refusal_comes_back(served: Served) -> None:
    served.fill()
    trained(served)
    own = f"http://127.0.0.1:{served.server.port}"  # which takes no models
    wish = json.dumps({"address": own, "token": "a-token-of-the-tests"}).encode()
    answer = served.error("/api/deploy", wish, status=502, name="mine")
    assert answer == "127.0.0.1 answers (405) what no fer-edge answers: is fer-edge --serve with " \
        "--models FOLDER running there?"  # fmt: skip
    assert "looks like" in served.error("/api/deploy", b'{"address": "pi"}', name="mine")
    for body in (b"", b"[]", b'{"token": "x"}', b'{"address": 1}', b"x" * 4096):
        assert "cannot be read" in served.error("/api/deploy", body, name="mine")
    assert served.error("/api/deploy", wish, status=404, name="other")
    kept = [path.read_bytes() for path in served.folder.rglob("*") if path.is_file()]
    assert not any(b"a-token" in content for content in kept)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"name": "../x"}, "letters, digits"),
        ({"init": "../fer-nano"}, "there is no network"),
        ({"epochs": "0"}, "1 to 500"),
        ({"epochs": "501"}, "1 to 500"),
        ({"epochs": "many"}, "1 to 500"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(
    served: Served, query: dict[str, str], words: str
) -> None:
    assert words in served.error("/api/train", **query)
    assert served.state()["job"] is None


def test_too_little_to_train_on_is_refused(served: Served) -> None:
    assert "2 classes are needed" in served.error("/api/train", name="mine")
    served.fill(("happy", "sad"), 9)
    assert "each class needs 10 pictures" in served.error("/api/train", name="mine")
    assert served.files() == [path for path in served.files() if path.startswith("faces/")]
