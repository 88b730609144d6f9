"""Every example runs as its first lines say, on the portrait and on drawn faces."""

from __future__ import annotations

import csv
import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import closing
from http.server import ThreadingHTTPServer
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import fer_edge
from commands import call
from drawn_faces import draw_face, save_video
from fer_core.preprocess import quantize_pixels
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.portrait import PORTRAIT_FACE, demo_portrait
from fer_edge.sources.demo import DemoSource
from mjpeg_server import MjpegServer
from notebook_runs import NEEDS_NBCLIENT, execute, has_no_outputs
from running_device import running

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PROGRAMS = sorted(path for path in EXAMPLES.iterdir() if path.suffix in {".py", ".cc", ".json"})
NOTEBOOK = EXAMPLES / "run_bundle.ipynb"
PORTRAIT = ROOT / "edge" / "fer_edge" / "assets" / "astronaut.jpg"
ROW = re.compile(r"^\| \[(\S+)\]\(\1\) \|.*\| `([^`]+)`", re.MULTILINE)
COMMANDS = dict(ROW.findall((EXAMPLES / "README.md").read_text(encoding="utf-8")))


def run_example(name: str, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an example in Python; it must succeed."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def smile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video: nobody for a second, then the portrait smiles for two."""
    empty = [np.full((480, 640, 3), 90, np.uint8)] * 10
    moved = [frame.pixels for frame in DemoSource(20).frames(threading.Event())]
    return save_video(tmp_path_factory.mktemp("clip") / "smile.avi", empty + moved)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 40


def test_the_table_has_every_example_and_its_first_lines_the_command() -> None:
    assert sorted(COMMANDS) == sorted(path.name for path in [*PROGRAMS, NOTEBOOK])
    for name, command in COMMANDS.items():
        head = (EXAMPLES / name).read_text(encoding="utf-8")[:1200]
        assert command.partition(" clip.mp4")[0] in head, name


def test_the_mirror_shows_the_camera_from_the_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[np.ndarray] = []
    monkeypatch.setattr(cv2, "imshow", lambda title, pixels: shown.append(pixels), raising=False)
    monkeypatch.setattr(cv2, "waitKey", lambda ms: 27 if len(shown) == 3 else -1, raising=False)
    with MjpegServer([PORTRAIT.read_bytes()]) as camera:
        monkeypatch.setattr(sys, "argv", ["mirror.py", camera.url])
        runpy.run_path(str(EXAMPLES / "mirror.py"), run_name="__main__")
    assert len(shown) == 3  # Escape ended it
    portrait = demo_portrait().astype(int)
    apart, unturned = (np.abs(shown[0] - each).mean() for each in (portrait[:, ::-1], portrait))
    assert apart < 20 < unturned
    x, y, side = 512 - PORTRAIT_FACE.x - PORTRAIT_FACE.width, PORTRAIT_FACE.y, PORTRAIT_FACE.width
    box = shown[0][y - 10 : y + side + 10, x - 10 : x + side + 10].astype(int)
    yellow = np.abs(box - (0, 200, 250)).max(axis=2) < 30
    assert yellow.sum() > side  # the box around a happy face


def test_the_counter_counts_a_smile(smile: Path, tmp_path: Path) -> None:
    said = run_example("smile_counter.py", smile, cwd=tmp_path).stdout.splitlines()
    assert re.fullmatch(r"1\.\d s: face 1 smiles", said[0])
    assert said[1:] == ["1 smiles"]


def test_ctrl_c_ends_the_counter_with_its_number(tmp_path: Path) -> None:
    with MjpegServer([PORTRAIT.read_bytes()]) as camera:
        command = [sys.executable, str(EXAMPLES / "smile_counter.py"), camera.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
            assert process.stdout
            assert "face 1 smiles" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.stdout.read().splitlines() == ["1 smiles"]
    assert process.returncode == 0


def test_photos_are_sorted_and_what_is_no_picture_is_named(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(PORTRAIT, photos / "eileen.jpg")
    cv2.imwrite(str(photos / "wall.png"), np.full((90, 120, 3), 90, np.uint8))
    (photos / "list.txt").write_text("no picture")
    done = run_example("sort_photos.py", photos, tmp_path / "sorted", cwd=tmp_path)
    assert done.stdout.splitlines() == ["eileen.jpg: happy", "wall.png: no face"]
    assert re.fullmatch(r"left out: .*list\.txt is .*\n", done.stderr)
    copied = sorted(path.relative_to(tmp_path) for path in (tmp_path / "sorted").rglob("*.*"))
    assert copied == [Path("sorted/happy/eileen.jpg"), Path("sorted/no face/wall.png")]
    assert (tmp_path / copied[0]).read_bytes() == PORTRAIT.read_bytes()


def test_the_own_output_writes_each_change(smile: Path, tmp_path: Path) -> None:
    run_example("own_output.py", smile, "changes.csv", cwd=tmp_path)
    with (tmp_path / "changes.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["seconds", "face", "change", "label"]
    assert [row[1:] for row in rows] == [["1", "started", "happy"], ["1", "ended", "none"]]
    assert 1.0 < float(rows[0][0]) < float(rows[1][0]) <= 3.0


def test_the_own_detector_finds_the_face(tmp_path: Path) -> None:
    (line,) = run_example("own_detector.py", PORTRAIT, cwd=tmp_path).stdout.splitlines()
    found = re.fullmatch(r"Box\(x=(\d+), y=(\d+), width=(\d+), height=(\d+)\) happy \d+%", line)
    assert found
    assert fer_edge.Box(*map(int, found.groups())).iou(PORTRAIT_FACE) > 0.5


def test_the_fake_camera_plays_clips_and_pictures_again_and_again(
    smile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = runpy.run_path(str(EXAMPLES / "fake_camera.py"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), example["FakeCamera"])
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    reader = fer_edge.ExpressionReader()
    try:
        for file in (smile, PORTRAIT):
            monkeypatch.setattr(sys, "argv", ["fake_camera.py", str(file)])
            frames = reader.camera(f"http://127.0.0.1:{server.server_port}/")
            with closing(frames):
                assert "happy" in (face.label for _, faces in islice(frames, 90) for face in faces)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "name",
    ["fake_camera.py", "http_events.py", "own_detector.py", "own_output.py", "sort_photos.py"],
)
def test_an_example_without_its_words_says_what_it_takes(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(rf"usage: python3? examples/{name} .*\n", done.stderr)


def test_another_program_follows_a_run_over_http(tmp_path: Path) -> None:
    with (
        MjpegServer([PORTRAIT.read_bytes()]) as camera,
        running(camera, tmp_path) as device,
        subprocess.Popen(
            [sys.executable, str(EXAMPLES / "http_events.py"), f"http://127.0.0.1:{device.port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as program,
    ):
        assert program.stdout
        assert program.stderr
        assert re.fullmatch(r"ok, model fer-small-int8 \w{12}, \n", program.stdout.readline())
        assert program.stdout.readline() == "started 1 happy\n"
        program.send_signal(signal.SIGINT)
        assert (program.stdout.read(), program.stderr.read()) == ("", "")
    assert program.returncode == 0


@NEEDS_NBCLIENT
def test_the_notebook_shows_the_bundle_and_its_answer(tmp_path: Path) -> None:
    assert has_no_outputs(NOTEBOOK)
    code = [
        line
        for cell in json.loads(NOTEBOOK.read_text())["cells"]
        for line in cell["source"]
        if cell["cell_type"] == "code"
    ]
    assert len(code) < 40
    outputs = execute(NOTEBOOK, tmp_path, "import sys; assert 'tensorflow' not in sys.modules")
    text = "".join("".join(each.get("text", "")) for each in outputs)
    assert re.search(r"^happy +9\d\.\d%  █{30,}$", text, re.MULTILINE)
    assert "fer-small-int8: a network of 4" in text
    (picture,) = (
        each["data"]["image/png"] for each in outputs if "image/png" in each.get("data", {})
    )
    assert picture


def test_the_array_runs_in_tensorflow_lite_micro(tmp_path: Path) -> None:
    """TensorFlow Lite Micro itself, out of its wheel, answers as LiteRT's reference kernels do."""
    if not (shutil.which("gcc") and shutil.which("g++")):
        pytest.skip("there is no C++ compiler: sudo apt install g++")
    if find_spec("tflite_micro") is None:
        pytest.skip("tflite-micro is not installed: extra [micro]")
    nano = ROOT / "edge" / "fer_edge" / "models" / "fer-nano-int8.tflite"
    call("fer-convert", nano, "--micro", "--out", "firmware", cwd=tmp_path)
    header = (tmp_path / "firmware" / "fer_nano_int8.h").read_text()
    source = (EXAMPLES / "microcontroller.cc").read_text()
    wanted = re.search(r"Operations to register: (.*)\.", header)[1].replace("_", "").split(", ")
    assert sorted(word.upper() for word in re.findall(r"\.Add(\w+)\(", source)) == wanted
    assert f"MicroMutableOpResolver<{len(wanted)}>" in source
    faces = [draw_face(label, 48)[..., :1] for label in ("happy", "surprise", "sad", "neutral")]
    program = built_microcontroller(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", RUN_MICRO, runtime_of_micro(), program],
        input=b"".join(face.tobytes() for face in faces),
        capture_output=True,
        check=False,
        timeout=60,
    )
    if b"undefined symbol" in done.stderr:
        pytest.skip(f"tests/micro_headers declares another version: {done.stderr.decode()[-300:]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == [reference_line(face) for face in faces]


RUN_MICRO = """
import ctypes, sys
ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)
sys.exit(ctypes.CDLL(sys.argv[2]).main())
"""


def runtime_of_micro() -> Path:
    """Return the library of the wheel: TensorFlow Lite Micro and its binding to Python."""
    (folder,) = find_spec("tflite_micro").submodule_search_locations
    return Path(folder) / "python" / "tflite_micro" / "_runtime.so"


def built_microcontroller(folder: Path) -> Path:
    """Compile the example with the C files that fer-convert wrote.

    It becomes a library that Python loads, because the one it needs is meant for Python, too.
    """
    array, program = folder / "array.o", folder / "microcontroller.so"
    firmware, declared = folder / "firmware", ROOT / "tests" / "micro_headers"
    subprocess.run(["gcc", "-c", "-fPIC", "-o", array, firmware / "fer_nano_int8.c"], check=True)
    strict = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]
    places = [f"-I{firmware}", f"-I{declared}", "-shared", "-fPIC", "-o", program]
    files = [EXAMPLES / "microcontroller.cc", array]
    subprocess.run(["g++", *strict, *places, *files], check=True)
    return program


def reference_line(face: np.ndarray) -> str:
    """Return what the example prints if it answers as LiteRT's reference kernels do."""
    model = TfliteModel(load_model("fer-nano"), kernels="reference")
    codes = model.invoke(quantize_pixels(face)[np.newaxis])
    best = int(codes.argmax())
    return f"{model.bundle.manifest.labels[best]} {100 * (int(codes[best]) + 128) / 256:.0f}%"


def test_the_flow_of_node_red_counts_smiles(tmp_path: Path) -> None:
    """The flow's functions get what a run sends to a real broker, by the topics of the flow."""
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed: extra [mqtt]")
    from mqtt_broker import Broker, Listener

    if not (node := shutil.which("node")):
        pytest.skip("node is not installed: sudo apt install nodejs")
    broker = Broker(tmp_path)
    try:
        broker.start()
        with Listener(broker.port) as listener:
            settings = f'mqtt = "mqtt://127.0.0.1:{broker.port}"\nmqtt_name = "hall"\n'
            (tmp_path / "fer-edge.toml").write_text(settings)
            call("fer-edge", "--demo", "--config", "fer-edge.toml", cwd=tmp_path)
            listener.wait_for("availability", "offline")
            messages = [(topic, payload) for topic, payload, _ in listener.messages]
            messages.append(("fer-edge/hall/camera/availability", "offline"))
            for kind in ("started", "changed"):  # the second only tells who it is
                face = json.dumps({"kind": kind, "track_id": 1, "label": "happy"})
                messages.append(("fer-edge/hall/door/event", face))
            messages.append(("fer-edge/hall/availability", "offline"))  # a power cut: no "ended"
    finally:
        broker.end()
    flow = json.loads((EXAMPLES / "node_red.json").read_text())
    done = subprocess.run(
        [node, "-e", RUN_FLOW],
        input=json.dumps({"flow": flow, "messages": messages}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["smiles"] == [1, 2]
    assert told["switch"] == ["on", "off", "off", "on", "on", "off"]
    assert told["warn"] == ["hall is offline", "hall camera gives no pictures", "hall is offline"]


RUN_FLOW = r"""
const { flow, messages } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const nodes = Object.fromEntries(flow.map((node) => [node.id, node]));
const kept = {}, told = {};
const context = { get: (name) => kept[name], set: (name, value) => { kept[name] = value; } };
function send(ids, message) {
  for (const id of ids) {
    const node = nodes[id];
    if (node.type === "debug") { (told[id] ??= []).push(message.payload); continue; }
    if (node.type !== "function") throw new Error(`nobody knows a ${node.type}`);
    const result = new Function("msg", "flow", node.func)({ ...message }, context);
    if (result) send(node.wires[0], result);
  }
}
for (const [topic, text] of messages) {
  for (const node of flow.filter((each) => each.type === "mqtt in")) {
    const pattern = new RegExp(`^${node.topic.replaceAll("+", "[^/]+").replace("#", ".*")}$`);
    if (!pattern.test(topic)) continue;
    send(node.wires[0], { topic, payload: node.datatype === "json" ? JSON.parse(text) : text });
  }
}
console.log(JSON.stringify(told));
"""
