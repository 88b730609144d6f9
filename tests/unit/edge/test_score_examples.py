"""The Slurm scripts and the compose file: what they run is a command that there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from fer_edge.cli import app

EXAMPLES = Path(__file__).parents[3] / "examples"
SCRIPTS = sorted((EXAMPLES / "slurm").glob("*.sh"))


def understood(words: list[str]) -> dict[str, Any]:
    """Return the settings of a `fer-edge score` command; an unknown option fails."""
    assert words[:2] == ["fer-edge", "score"]
    command = typer.main.get_command(app).commands["score"]  # type: ignore[attr-defined]
    return dict(command.make_context("score", words[2:]).params)


def test_there_are_scripts() -> None:
    assert [script.name for script in SCRIPTS] == ["score.sh", "train.sh"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_bash_reads_a_script(script: Path) -> None:
    if not (bash := shutil.which("bash")):
        pytest.skip("bash is not here")
    subprocess.run([bash, "-n", script], check=True)


def test_the_command_of_the_slurm_script() -> None:
    text = (EXAMPLES / "slurm" / "score.sh").read_text()
    (line,) = re.findall(r"^fer-edge score .*", text, re.MULTILINE)
    given = line.replace('"$@"', "/share/photos --out /share/FACES")
    settings = understood(shlex.split(given))
    assert settings["on"] == "ray"
    assert Path(settings["out"]) == Path("/share/FACES")  # typer 0.16 gives text here
    assert list(settings["sources"]) == ["/share/photos"]
    (shown,) = re.findall(r"^# .*sbatch .*score\.sh (.*)$", text, re.MULTILINE)
    assert understood(["fer-edge", "score", *shlex.split(shown)])["out"] == settings["out"]


def test_the_services_of_the_compose_file() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not here")
    services = yaml.safe_load((EXAMPLES / "compose" / "compose.yaml").read_text())["services"]
    assert set(services) == {"score", "node"}
    bash, option, script = shlex.split(services["score"]["command"])
    assert (bash, option) == ("bash", "-c"), "the image has no entry point"
    start, run = script.split(" && exec ")
    settings = understood(shlex.split(run))
    mounts = [volume.rpartition("}")[2].strip(":") for volume in services["score"]["volumes"]]
    assert mounts == [f"{settings['sources'][0]}:ro", str(settings["out"])]
    assert settings["on"] == "ray"
    port = re.search(r"--port=(\d+)", start)
    joined = re.search(r"--address=(\w+):(\d+)", services["node"]["command"])
    assert port
    assert joined
    assert joined.groups() == ("score", port[1])
    assert services["node"]["volumes"] == services["score"]["volumes"]
    assert services["node"]["image"] == services["score"]["image"]
