"""The device side through its installed commands; needs no TensorFlow."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest

from commands import call, call_here, command_path
from drawn_faces import draw_scene, drawn_dataset, save_npz, save_video
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model, shipped_models

pytestmark = pytest.mark.device
DOCS = Path(__file__).parents[2] / "docs"
HAS_PYAV = find_spec("av") is not None
needs_pyav = pytest.mark.skipif(not HAS_PYAV, reason="PyAV is not installed")


def observations(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_demo_says_what_it_saw_and_where_it_saved(tmp_path: Path) -> None:
    done = call("fer-edge", "--demo", cwd=tmp_path)
    assert "face 1: happy" in done.stdout
    tutorial = (DOCS / "tutorials" / "raspberry-pi.md").read_text(encoding="utf-8")
    told, said = (re.findall(r"face 1: happy (\d+)%", text) for text in (tutorial, done.stdout))
    assert [int(each) for each in said] == [pytest.approx(int(each), abs=1) for each in told]
    assert ("saved fer-edge-demo/demo.mp4" in done.stderr.replace("\\", "/")) == HAS_PYAV
    shown = cv2.imread(str(tmp_path / "fer-edge-demo" / "demo.jpg"))
    assert shown.shape == (480, 640, 3)
    documented = cv2.imread(str(DOCS / "demo.jpg"))
    other = cv2.absdiff(shown, documented).max(axis=2) > 60  # a digit is some hundred pixels
    assert other.sum() < 50, "docs/demo.jpg is of an earlier demo"
    capture = cv2.VideoCapture(str(tmp_path / "fer-edge-demo" / "demo.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == (100 if HAS_PYAV else 0)
    capture.release()


def test_without_pyav_the_demo_is_a_picture_and_clips_leave_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    said = call_here("fer-edge", "--demo", cwd=tmp_path).stderr
    assert "saving a picture only: saving a video needs PyAV (" in said
    assert [file.name for file in (tmp_path / "fer-edge-demo").iterdir()] == ["demo.jpg"]
    clip = save_video(tmp_path / "in.mp4", [draw_scene("happy")] * 3)
    options = ("--video", clip, "--clips", "clips")
    assert "needs PyAV" in call_here("fer-edge", *options, cwd=tmp_path, code=1).stderr
    assert not (tmp_path / "clips").exists()


def test_a_photo_is_told_as_the_readme_shows() -> None:
    root = Path(__file__).parents[2]
    shown = (root / "README.md").read_text(encoding="utf-8").splitlines()
    typed = "    $ fer-edge edge/fer_edge/assets/astronaut.jpg"
    portrait = ("fer-edge", "edge/fer_edge/assets/astronaut.jpg")
    told = call_here(*portrait, cwd=root).stdout
    assert told == shown[shown.index(typed) + 1].strip() + "\n"


def test_a_photo_and_the_demo_give_the_json_lines_of_the_documentation(tmp_path: Path) -> None:
    page = (DOCS / "reference" / "json-lines.md").read_text(encoding="utf-8")
    lines = re.findall(r'(?ms)^    \{"source": "(?:astronaut.jpg|demo)".*?\}(?=$|   )', page)
    portrait = DOCS.parent / "edge" / "fer_edge" / "assets" / "astronaut.jpg"
    told = call_here("fer-edge", portrait, "--json", "-", cwd=tmp_path).stdout
    told += call_here("fer-edge", "--demo", "--events", "-", cwd=tmp_path).stdout
    given, shown = observations(told), [json.loads(line) for line in lines]
    for line in (*given, *shown):
        line.update({"device": "any", "box": str(line.get("box")), **line.pop("probabilities", {})})
    assert list(map(list, given)) == list(map(list, shown))
    assert given == [pytest.approx(line, abs=0.006) for line in shown]  # kernels differ by 1/256


def test_the_parity_of_a_bundle_is_repeated(tmp_path: Path) -> None:
    drawn = drawn_dataset((1, 3, 1))
    data, bundle = save_npz(tmp_path / "drawn.npz", drawn), load_model("fer-nano")
    validation = drawn.part("validation")
    model = TfliteModel(bundle)
    classes = classify_images(model, validation.pixels).argmax(axis=1)
    facts = bundle.manifest.provenance
    facts["parent_classes"] = " ".join(map(str, classes))
    facts["validation_fingerprint"] = validation.fingerprint()
    bundle.manifest.metrics["validation"] |= {
        "flips": 0,
        "runtime": model.runtime,
        "kernels": model.kernels,
    }
    bundle.save(tmp_path / "same.tflite")
    done = call_here("fer-convert", "--verify", "same.tflite", "--data", data, cwd=tmp_path)
    assert "0 flips (recorded: 0" in done.stdout
    facts["parent_classes"] = " ".join(str(6 - each) for each in classes)
    bundle.save(tmp_path / "other.tflite")
    options = ("--verify", "other.tflite", "--data", data, "--max-drop", 100)
    done = call_here("fer-convert", *options, cwd=tmp_path, code=1)
    assert "the parity does not hold" in done.stderr
    shown = call("fer-convert", "same.tflite", cwd=tmp_path).stdout
    assert "19.43 million multiply-accumulates" in shown
    call_here("fer-convert", "same.tflite", "--runtime-floor", "2.14", cwd=tmp_path)
    done = call_here("fer-convert", "same.tflite", "--runtime-floor", "1.5", cwd=tmp_path, code=1)
    assert "needs TensorFlow Lite 1.14.0, newer than 1.5" in done.stderr
    done = call_here("fer-convert", "same.tflite", "--data", data, cwd=tmp_path, code=2)
    assert "--data goes with --verify or --micro" in done.stderr


def test_pictures_and_folders(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), draw_scene("happy"))
    done = call("fer-edge", tmp_path, "--json", "-", "--save", "seen", cwd=tmp_path)
    first, second = observations(done.stdout)
    assert (first["source"], second["source"]) == ("a.png", "b.png")
    assert first["track"] is None
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == [
        "a-seen.jpg",
        "b-seen.jpg",
    ]


def test_one_bad_picture_costs_no_other_its_result(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "good.jpg"), draw_scene("happy"))
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 no picture")
    done = call("fer-edge", "bad.jpg", "good.jpg", "--save", "seen", cwd=tmp_path, code=1)
    assert "1 of 2 pictures" in done.stderr
    assert "good.jpg: face" in done.stdout
    assert (tmp_path / "seen" / "good-seen.jpg").exists()


def test_quiet_says_nothing_but_results(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "good.jpg"), draw_scene("happy"))
    done = call("fer-edge", "good.jpg", "--quiet", "--json", "-", cwd=tmp_path)
    assert len(observations(done.stdout)) == 1
    assert "frames" not in done.stderr
    lines = call("fer-edge", "good.jpg", "--quiet", cwd=tmp_path)
    assert lines.stdout.startswith("good.jpg: face of ")
    assert lines.stderr == ""
    saved = call("fer-edge", "good.jpg", "--quiet", "--save", "seen.jpg", cwd=tmp_path)
    assert (saved.stdout, saved.stderr) == ("", "")


@needs_pyav
def test_a_drawn_video_gives_every_frame_and_its_events(tmp_path: Path) -> None:
    scenes = [draw_scene("happy", x=200 + i) for i in range(12)]
    clip = save_video(tmp_path / "clip.mp4", scenes)
    call(
        "fer-edge", "--video", clip, "--json", "seen.jsonl", "--events", "events.jsonl",
        "--save", "seen.mp4", "--quiet", cwd=tmp_path,
    )  # fmt: skip
    seen = observations((tmp_path / "seen.jsonl").read_text())
    assert [line["frame"] for line in seen] == list(range(12))
    assert {line["track"] for line in seen} == {1}
    assert seen[-1]["time_s"] == pytest.approx(1.1)
    kinds = [line["kind"] for line in observations((tmp_path / "events.jsonl").read_text())]
    assert kinds[0] == "started"
    assert kinds[-1] == "ended"
    capture = cv2.VideoCapture(str(tmp_path / "seen.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    capture.release()


@needs_pyav
def test_a_browsers_recording_lasts_as_long_when_saved(tmp_path: Path, cases: Path) -> None:
    call("fer-edge", "--video", cases / "rec.webm", "--save", "seen.mp4", "--quiet", cwd=tmp_path)
    capture = cv2.VideoCapture(str(tmp_path / "seen.mp4"))
    times = []
    while capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    capture.release()
    seconds = times[-1] + times[-1] / (len(times) - 1)
    assert seconds == pytest.approx(1.04, abs=0.05)  # its header says 1000 frames a second


@pytest.mark.skipif(os.name == "nt", reason="bash asks")
@pytest.mark.parametrize(("typed", "offered"), [("doc", "doctor"), ("--cam", "--camera")])
def test_the_shell_completes_commands_and_options(tmp_path: Path, typed: str, offered: str) -> None:
    asked = {"_FER_EDGE_COMPLETE": "complete_bash", "COMP_WORDS": f"fer-edge {typed}"}
    done = call("fer-edge", cwd=tmp_path, COMP_CWORD="1", **asked)
    assert done.stdout.split() == [offered]


def test_wrong_inputs_get_a_clear_error_and_exit_1(tmp_path: Path) -> None:
    def error(*arguments: object, code: int = 1) -> str:
        return call_here("fer-edge", *arguments, cwd=tmp_path, code=code).stderr

    (tmp_path / "empty.mp4").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "good.jpg"), draw_scene("happy"))
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:3000])
    model = shipped_models()["fer-nano"].read_bytes()
    (tmp_path / "damaged.tflite").write_bytes(model[:5000] + b"\0" + model[5001:])
    assert "fer-edge: there is no camera 77" in error("--camera", "77") or os.name == "nt"
    assert "empty.mp4 is no video" in error("--video", "empty.mp4")
    assert "cut.jpg is damaged or cut short" in error("cut.jpg")
    assert "there is no picture absent.jpg" in error("absent.jpg")
    assert "is damaged" in error("good.jpg", "--model", "damaged.tflite")
    assert "no model 'huge'" in error("good.jpg", "--model", "huge")
    assert "cannot write" in error("good.jpg", "--json", "absent/seen.jsonl")
    assert "cannot write" in error("good.jpg", "--save", "absent/seen.jpg")
    assert "would replace" in error("good.jpg", "--save", "good.jpg", code=2)
    cv2.imwrite(str(tmp_path / "other.jpg"), draw_scene("sad"))
    two = ("good.jpg", "other.jpg", "--save", "two.jpg")
    assert "two.jpg holds one picture, and there are 2: --save FOLDER" in error(*two, code=2)
    assert not (tmp_path / "two.jpg").exists()
    assert "--plot goes with one picture" in error("--demo", "--plot", "a.png", code=2)
    assert "cannot plot to a.txt" in error("good.jpg", "--plot", "a.txt", code=2)
    assert "would replace" in error("good.jpg", "--plot", "good.jpg", code=2)
    assert "two outputs write to the same place" in error(
        "good.jpg", "--json", "a", "--events", "a", code=2
    )
    assert "say what to watch" in error(code=2)
    assert "size must look like 640x480" in error("good.jpg", "--size", "huge", code=2)


def test_nothing_that_is_watched_is_written_over(tmp_path: Path) -> None:
    clip = save_video(tmp_path / "in.mp4", [draw_scene("happy")] * 3)
    (tmp_path / "folder").mkdir()
    cv2.imwrite(str(tmp_path / "folder" / "a.jpg"), draw_scene("sad"))
    before = clip.read_bytes(), (tmp_path / "folder" / "a.jpg").read_bytes()
    for arguments in (
        ("--video", clip, "--save", "in.mp4"),
        ("--video", "in.mp4", "--json", clip),
        ("folder", "--save", "folder/a.jpg"),
    ):
        done = call_here("fer-edge", *arguments, cwd=tmp_path, code=2)
        assert "would replace what is watched" in done.stderr
    assert before == (clip.read_bytes(), (tmp_path / "folder" / "a.jpg").read_bytes())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_stdout_is_said(tmp_path: Path) -> None:
    for arguments in (["--version"], ["--demo", "--json", "-", "--quiet"]):
        with Path("/dev/full").open("w") as full:
            command = [command_path("fer-edge"), *arguments]
            done = subprocess.run(
                command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_a_picture_with_its_plot(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "good.jpg"), draw_scene("happy"))
    done = call("fer-edge", "good.jpg", "--plot", "plot.png", cwd=tmp_path)
    assert "saved plot.png" in done.stderr
    assert cv2.imread(str(tmp_path / "plot.png")).shape == (720, 960 + 460, 3)


def test_wrong_arguments_exit_2(tmp_path: Path) -> None:
    assert "no such option" in call("fer-edge", "--camara", "0", cwd=tmp_path, code=2).stderr
    setting = call("fer-edge", "--mqtt", "mqtt://hall", "--camera", "0", cwd=tmp_path, code=2)
    told = "--mqtt is no option, but a setting: put mqtt = ... into a --config file"
    assert told in setting.stderr


def test_bench_measures_the_shipped_models_without_data(tmp_path: Path) -> None:
    done = call("fer-bench", "--quick", "--out", "r", cwd=tmp_path, FER2013="")
    assert "fer-nano-int8" in done.stdout
    assert json.loads((tmp_path / "r" / "results.json").read_text())["models"]


def test_five_of_the_seven_posed_pictures_are_right(tmp_path: Path, real_frames: Path) -> None:
    pictures = sorted(real_frames.glob("expr_*.jpg"))
    done = call("fer-edge", *pictures, "--json", "-", cwd=tmp_path)
    largest: dict[str, dict[str, object]] = {}
    for line in observations(done.stdout):
        largest.setdefault(str(line["source"]), line)
    truth = {"angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"}
    spelled = {"disgusted": "disgust", "fearful": "fear", "surprised": "surprise"}
    right = 0
    for source, line in largest.items():
        name = source.removeprefix("expr_").removesuffix(".jpg")
        assert spelled.get(name, name) in truth
        right += line["label"] == spelled.get(name, name)
    assert len(pictures) == 7
    assert right >= 5


def test_a_real_clip_is_neutral_then_happy(tmp_path: Path, real_frames: Path) -> None:
    clip = real_frames / "video_neutral_happy.mp4"
    done = call("fer-edge", "--video", clip, "--events", "-", "--json", "a.jsonl", cwd=tmp_path)
    told = [(line["kind"], line["label"]) for line in observations(done.stdout)]
    assert told[:2] == [("started", "neutral"), ("changed", "happy")]
    seen = observations((tmp_path / "a.jsonl").read_text())
    assert {line["frame"] for line in seen} == set(range(72))


def test_the_cut_to_a_cartoon_ends_the_face(tmp_path: Path, real_frames: Path) -> None:
    clip = real_frames / "video_face_then_none.mov"
    told = observations(call("fer-edge", "--video", clip, "--events", "-", cwd=tmp_path).stdout)
    assert told[-1]["kind"] == "ended"
    assert {line["track_id"] for line in told} == {1}
    assert 1.5 < told[-1]["at"] - 72 / 26.4 < 2.2  # it is remembered for two seconds


def test_the_doctor_is_content_or_says_what_to_mend(tmp_path: Path) -> None:
    done = subprocess.run(
        [command_path("fer-edge"), "doctor"],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    faults = [line for line in done.stdout.splitlines() if line.startswith("fault")]
    assert done.returncode == bool(faults)
    assert ("to fix" in done.stderr) == bool(faults)
    assert "ok    model" in done.stdout
    assert "ms a frame: search" in done.stdout


def test_an_answer_costs_little_more_than_what_it_imports(tmp_path: Path) -> None:
    """By processor time, since other work on the machine changes how long it takes."""
    cv2.imwrite(str(tmp_path / "face.png"), draw_scene("happy"))

    def cpu_seconds(*command: object) -> float:
        before = os.times()
        subprocess.run([*map(str, command)], cwd=tmp_path, capture_output=True, check=True)
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    fer_edge = (command_path("fer-edge"), "face.png", "--quiet", "--json", "-")
    turns = [
        (cpu_seconds(*fer_edge), cpu_seconds(sys.executable, "-c", "import numpy, cv2"))
        for _ in range(3)
    ]
    ours, imports = (min(each) for each in zip(*turns, strict=True))
    assert ours < 6 * imports
