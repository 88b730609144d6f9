"""What the house promises: light device side, one place for each name, every command form."""

import ast
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer

import fer_bench.cli
import fer_edge.cli

ROOT = Path(__file__).parents[2]
TRAINED = ("train", "convert")
ROOMS = ("core", "train", "convert", "edge", "benchmarks")
SOURCES = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )


def test_the_device_side_never_loads_tensorflow() -> None:
    done = run_python(
        "import sys, fer_edge.session.watch, fer_bench.bench, fer_bench.report\n"
        "import fer_convert.verify, fer_convert.micro\n"
        "from fer_edge.inference.interpreter import TfliteModel\n"
        "from fer_edge.inference.models import load_model\n"
        "TfliteModel(load_model())\n"
        "print(sorted({'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_server_of_the_studio_never_loads_tensorflow() -> None:
    done = run_python(
        "import sys, fer_train.studio.server, fer_train.studio.compare\n"
        "from fer_edge.inference.interpreter import TfliteModel\n"
        "from fer_edge.inference.models import load_model\n"
        "TfliteModel(load_model())\n"
        "print(sorted({'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def loaded_by(command: str, *words: str) -> set[str]:
    """Return the modules that a command has loaded when it ends; it must succeed."""
    done = run_python(
        f"import sys, fer_{command}.start\nsys.argv = {[f'fer-{command}', *words]!r}\n"
        f"try: fer_{command}.start.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*sys.modules, sep=chr(10), file=sys.stderr)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.splitlines())


@pytest.mark.parametrize("command", ["edge", "train", "convert", "bench"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_saying_what_there_is_loads_nothing_heavy(command: str, option: str) -> None:
    heavy = {"numpy", "cv2", "msgspec", "pydantic", "rich", "importlib.metadata", "email.message"}
    assert not heavy & loaded_by(command, option)


def test_a_picture_loads_nothing_that_others_need() -> None:
    """What takes longer than a millisecond, or belongs to cameras, videos, pages and files."""
    loaded = loaded_by("edge", str(ROOT / "edge/fer_edge/assets/astronaut.jpg"))
    assert "fer_edge.faces.haar" in loaded
    libraries = {"pydantic", "rich", "importlib.metadata", "email.message", "concurrent.futures"}
    libraries |= {"asyncio", "http.client", "ssl", "secrets", "tomllib", "tomli", "av", "PIL"}
    assert not libraries & loaded
    rooms = ("page", "identity", "service.unit", "doctor", "sources.camera", "sources.live")
    rooms += ("sources.demo", "faces.following", "faces.yunet", "systemd", "outputs.encoding")
    rooms += ("outputs.recording", "outputs.plot", "outputs.window", "outputs.mqtt_settings")
    assert not {f"fer_edge.{room}" for room in rooms} & loaded


def test_what_fer_convert_does_without_tensorflow_needs_nothing_of_training() -> None:
    """The same through the command: it reads a bundle where neither is installed."""
    bundle = ROOT / "edge/fer_edge/models/fer-nano-int8.tflite"
    hidden = ("fer_train", "tensorflow", "keras", "sklearn", "scipy")
    done = run_python(
        f"import sys\nfor name in {hidden}: sys.modules[name] = None\n"
        "import fer_convert.adopt, fer_convert.micro, fer_convert.verify, fer_convert.cli\n"
        f"sys.argv = ['fer-convert', {str(bundle)!r}]\n"
        "fer_convert.cli.main()"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fer-nano-int8: ")


@pytest.mark.parametrize(
    ("missing", "extra"), [("cv2", "[edge]"), ("ai_edge_litert", "[edge-headless]")]
)
def test_a_missing_package_names_its_extra_and_help_works(missing: str, extra: str) -> None:
    hide = f"import sys; sys.modules[{missing!r}] = None; sys.modules['tflite_runtime'] = None\n"
    start = "import fer_edge.cli; fer_edge.cli.main()"
    shown = run_python(f"{hide}sys.argv = ['fer-edge', '--help']; {start}")
    assert shown.returncode == 0, shown.stderr
    assert "--camera" in shown.stdout
    failed = run_python(f"{hide}sys.argv = ['fer-edge', '--demo']; {start}")
    assert failed.returncode == 1
    assert extra in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("name", "home"),
    [
        (r"ai_edge_litert|tflite_runtime", "interpreter.py"),
        (r"import picamera2|from picamera2", "camera.py"),
    ],
)
def test_a_foreign_name_has_one_home(name: str, home: str) -> None:
    reading_files = "from ai_edge_litert import schema_py_generated as schema"  # in fer_convert
    without_us = ROOT / "edge" / "studies" / "start_bare.py"  # what `fer-edge` is compared with
    texts = {path: path.read_text().replace(reading_files, "") for path in SOURCES}
    named = [path for path, text in texts.items() if re.search(name, text)]
    assert [path.name for path in named if path != without_us] == [home]


PRIVATE_NAMES = {
    "graph.py": (
        "_outbound_nodes",
        "_inbound_nodes",
        "_keras_history",
        "_run_through_graph",
        "_functional",
        "_flatten_layers",
    ),
    "tflite_converter.py": (
        "_experimental_calibrate_only",
        "_experimental_disable_per_channel_quantization_for_dense_layers",
        "_metadata",
        "mlir_quantize",
        "modify_model_io_type",
        "flatbuffer_utils",
        "tensorflow.lite",
    ),
    "teacher_training.py": ("_foreach_lerp_",),
}
"""What Keras, TensorFlow and PyTorch keep private, by the one file that may name it."""
NETWORK_SOURCES = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in TRAINED]


@pytest.mark.parametrize(
    ("home", "name"), [(home, name) for home, names in PRIVATE_NAMES.items() for name in names]
)
def test_a_private_name_of_a_framework_has_one_home(home: str, name: str) -> None:
    assert {path.name for path in NETWORK_SOURCES if name in path.read_text()} == {home}


def private_uses(source: str) -> list[str]:
    """Return the private names that a file takes from other objects and modules."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found += [] if own else [node.attr]
        elif isinstance(node, ast.ImportFrom):
            found += [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr"):
            found += [each.value for each in node.args if isinstance(each, ast.Constant)]
    texts = [each for each in found if isinstance(each, str)]
    return [each for each in texts if each.startswith("_") and not each.startswith("__")]


@pytest.mark.parametrize(
    "line",
    ["model._nodes", "from keras import _x", "import a\na.b._c()", 'getattr(layer, "_path")'],
)
def test_private_uses_are_found(line: str) -> None:
    assert len(private_uses(line)) == 1


PRIVATE_MODULES = ("keras.src", "tensorflow.python", "tensorflow.core", "tensorflow.lite")
"""Parts of the frameworks that are no public interface."""


def test_a_private_module_of_a_framework_has_one_home() -> None:
    found = {
        (path.name, module)
        for path in NETWORK_SOURCES
        for module in PRIVATE_MODULES
        if re.search(rf"(from|import) {re.escape(module)}\b", path.read_text())
    }
    assert found == {
        ("tflite_converter.py", "tensorflow.lite"),
        ("saved_model.py", "tensorflow.core"),  # the file format of a SavedModel
    }


def test_no_other_name_of_a_framework_is_private() -> None:
    """The same for names that nobody thought of yet."""
    found = {
        (path.name, name)
        for path in NETWORK_SOURCES
        for name in private_uses(path.read_text())
        if name not in PRIVATE_NAMES.get(path.name, ())
    }
    assert found == set()


def test_keras_alone_in_models_losses_and_augmentation() -> None:
    portable = [*(ROOT / "train/fer_train/architectures").glob("*.py")]
    portable += [
        ROOT / "train/fer_train" / name
        for name in ("augment.py", "compiling.py", "data.py", "loop.py")
    ]
    assert [path.name for path in portable if "tensorflow" in path.read_text()] == []


def test_modules_and_functions_stay_short() -> None:
    long = {path.name: n for path in SOURCES if (n := len(path.read_text().splitlines())) > 250}
    assert long == {}
    functions = [
        (path.name, node.name, node.end_lineno - node.lineno + 1)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    assert [function for function in functions if function[2] > 45] == []


RUNS_WHAT_IT_READS = {
    "inference/self_test.py": "is a process of its own",
    "fer_bench/memory.py": "is a process of its own",
    "score/worker.py": "is a process of its own, of a model that was tried as the run began",
    "fer_bench/bench.py": "memory.py has run the same file before; a parent is read by load_tried",
    "fer_convert/verify.py": "what it runs is read by load_tried",
    "studio/judging.py": "what it runs is read by load_tried",
    "studies/studio_accuracy.py": "a study, of bundles that it makes",
}


def test_files_from_elsewhere_are_tried_before_they_run() -> None:
    """Whoever runs a bundle reads it by load_model or load_tried, not by ModelBundle.load."""
    texts = {f"{path.parent.name}/{path.name}": path.read_text() for path in SOURCES}
    both = {name for name, text in texts.items() if "TfliteModel(" in text}
    assert {name for name in both if "ModelBundle.load(" in texts[name]} == {*RUNS_WHAT_IT_READS}


EDGE_FORMS = [
    "--camera 0",
    "--camera picamera",
    "--camera http://camera.local/stream",
    "--camera rtsp://camera.local/stream",
    "--video clip.mp4",
    "a.jpg b.jpg folder",
    "--demo",
    "--camera 0 --size 640x480 --fps 15 --rotate 90 --mirror --threads 2",
    "--camera 0 --model fer-nano --no-show --json - --events events.jsonl",
    "--camera 0 --serve 8080 --models models",
    "a.jpg --plot plot.png",
    "a.jpg --model my.tflite --save seen --config edge.toml",
]
BENCH_FORMS = ["", "a.tflite b.tflite --data fer2013.csv --parent c.tflite --quick --out results/a"]
BENCH_FORMS += ["a.tflite --data fer2013.csv --on ray://head:10001"]


@pytest.mark.parametrize("form", EDGE_FORMS)
def test_every_form_of_fer_edge_is_understood(form: str) -> None:
    command = typer.main.get_command(fer_edge.cli.app)
    command.make_context("fer-edge", shlex.split(form))


@pytest.mark.parametrize("form", BENCH_FORMS)
def test_every_form_of_fer_bench_is_understood(form: str) -> None:
    command = typer.main.get_command(fer_bench.cli.app)
    command.make_context("fer-bench", shlex.split(form))


def test_the_wheel_holds_the_five_packages_and_what_they_need() -> None:
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    if not wheels:
        pytest.skip("no wheel is built: make build")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        names = wheel.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"fer_core", "fer_train", "fer_convert", "fer_edge", "fer_bench"}
    for needed in (
        "fer_edge/models/fer-nano-int8.tflite",
        "fer_edge/models/fer-small-int8.tflite",
        "fer_edge/models/fer-base-int8.tflite",
        "fer_edge/models/fer-small-ferplus-int8.tflite",
        "fer_edge/assets/astronaut.jpg",
        "fer_edge/page/static/index.html",
        "fer_train/studio/static/index.html",
        "fer_core/py.typed",
        "fer_train/configs/a-regularised.toml",
        "fer_train/configs/fer2013-votes.npz",
        "fer_train/results/fer-nano/model.keras",
        "fer_train/results/fer-nano/metrics.json",
        "fer_train/results/fer-small/model.keras",
    ):
        assert needed in names
    assert wheels[-1].stat().st_size < 6_000_000


def test_ctrl_c_ends_every_wait_on_windows_too() -> None:
    """There, Python before 3.14 takes it only between two waits. Processes end by themselves."""
    endless = [
        f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(call)}"
        for path in SOURCES
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "wait"
        and not (call.args or call.keywords)
        and not ast.unparse(call.func.value).endswith(("process", "command", "driver"))
    ]
    assert not endless


def test_commands_in_messages_quote_their_paths() -> None:
    """Of a path with a space, a shell would make two."""
    command = re.compile(
        r"\b(?:chmod|mv|cp|rm|fer-(?:edge|train|convert|bench)) [^{:;,]*"
        r"\{(?:self\.)?_?(?:\w+\.)?(?:path|file|folder|models|out|place)\b[^}]*\}"
    )
    unquoted = [
        f"{path.relative_to(ROOT)}:{text.lineno} {found[0]}"
        for path in SOURCES
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr) and (found := command.search(ast.unparse(text)))
    ]
    assert not unquoted


def test_whoever_is_told_of_edge_legacy_hears_which_python_it_needs() -> None:
    """tflite-runtime 2.14 has wheels up to Python 3.11; Raspberry Pi OS Trixie has 3.13."""
    lines = [
        line
        for page in sorted((ROOT / "docs/how-to").glob("*.md"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if "edge-legacy" in line
    ]
    message = (ROOT / "edge/fer_edge/inference/interpreter.py").read_text(encoding="utf-8")
    lines += re.findall(r"[^\n]*edge-legacy[^\n]*", message)
    assert len(lines) >= 3
    assert [line for line in lines if "Python 3.11" not in line] == []
