"""fer-edge models list, use and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from commands import call_here
from fer_core.bundle import ModelBundle
from fer_edge.deployment import cli
from fer_edge.deployment.folder import STATE_FILE, ModelFolder
from fer_edge.deployment.state import DeploymentState, Held
from fer_edge.inference.models import ModelFacts, load_model
from new_models import renamed


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    (tmp_path / "models").mkdir()
    return ModelFolder(tmp_path / "models")


def models(folder: ModelFolder, *words: object, code: int = 0) -> CompletedProcess[str]:
    return call_here("fer-edge", "models", *words, cwd=folder.path.parent, code=code)


def test_a_file_is_taken_into_the_folder_and_waits_for_a_run(
    folder: ModelFolder, nano: ModelBundle
) -> None:
    assert models(folder, "list").stdout == (
        "in use   the model of --model\n"
        "here     none yet: send one to the page of a run, or fer-edge models use FILE\n"
        "shipped  fer-base, fer-base-ferplus, fer-nano, fer-nano-ferplus, fer-small, "
        "fer-small-ferplus\n"
    )
    renamed(nano, "mine").save(folder.path.parent / "sent.tflite")
    done = models(folder, "use", "sent.tflite")
    mark = f"mine-int8 {nano.manifest.sha256[:12]}"
    assert done.stdout == (
        f"{mark} is tried by the next fer-edge --camera ... --models {cli.DEFAULT_FOLDER}\n"
    )
    listed = models(folder, "list", "--models", folder.path).stdout.splitlines()
    assert listed[:2] == [f"in use   {mark}, on trial", "before   the model of --model"]
    assert listed[2].startswith(f"here     {mark}: my-angry, my-disgust")
    assert "in use already" in models(folder, "use", "mine-int8", code=1).stderr
    assert models(folder, "use", "fer-nano").stdout.startswith("fer-nano-int8 ")
    state = folder.state()
    assert (state.running.place, state.before) == ("fer-nano", Held())  # mine was never tried


def test_a_file_that_was_made_again_is_taken_in_place_of_the_one_in_the_folder(
    folder: ModelFolder, nano: ModelBundle
) -> None:
    file = folder.path.parent / "mine-int8.tflite"
    renamed(nano, "mine").save(file)
    models(folder, "use", file.name)
    assert "in use already" in models(folder, "use", file.name, code=1).stderr
    other = load_model("fer-small")
    replace(other, manifest=replace(other.manifest, name="mine")).save(file)
    models(folder, "use", file.name)
    running = folder.state().running
    assert (running.place, running.facts.sha256) == ("mine-int8-2.tflite", other.manifest.sha256)
    models(folder, "use", "mine-int8")
    assert folder.state().running.place == "mine-int8.tflite"


def test_with_a_run_there_is_one_trial_at_a_time(folder: ModelFolder) -> None:
    with folder.held_by_this_run():
        done = models(folder, "use", "fer-nano")
        assert "is on trial for a minute; fer-edge models list says how it goes" in done.stdout
        done = models(folder, "use", "fer-base", code=1)
        assert "fer-nano-int8 is on trial: wait a minute, or end it: fer-edge models" in done.stderr
        assert models(folder, "back").stdout == "back to the model of --model\n"
        folder.change(lambda state: DeploymentState(Held("", ModelFacts.of(load_model()))))
        models(folder, "use", "fer-nano")
    assert models(folder, "back").stdout.startswith("back to fer-small-int8 ")


def test_what_failed_and_why_is_listed(folder: ModelFolder) -> None:
    own, new = Held("", ModelFacts("own-int8", "ab" * 32, ())), Held("fer-nano")
    taken_back = DeploymentState(own).using(new).taken_back(new, "it is slow", "2026-11-27T10:00")
    folder.change(lambda state: taken_back)
    (folder.path / "broken.tflite").write_bytes(b"none")
    lines = models(folder, "list").stdout.splitlines()
    assert lines[0] == "in use   own-int8 abababababab"
    assert lines[1].startswith("here     broken: models/broken.tflite carries no readable")
    assert lines[-1] == "failed   the model of --model at 2026-11-27T10:00: it is slow"


def test_what_cannot_be_is_said(folder: ModelFolder, tmp_path: Path) -> None:
    done = models(folder, "back", code=1)
    assert "there is nothing to go back to: the model of --model is the first" in done.stderr
    done = models(folder, "use", "huge", code=1)
    assert "no model 'huge'; here are none, shipped are fer-base, fer-base-" in done.stderr
    for words in (("list",), ("back",)):
        done = models(folder, *words, "--models", "absent", code=1)
        assert "there is no folder absent: say which one fer-edge runs with" in done.stderr
    (tmp_path / "large.tflite").write_bytes(b"\0" * (16 * 2**20 + 1))
    done = models(folder, "use", "large.tflite", code=1)
    assert "a model may have 16 MiB at most" in done.stderr
    (folder.path / STATE_FILE).write_text("[]")
    done = models(folder, "list", code=1)
    assert "models/state.json, which says what model is in use, cannot be read" in done.stderr
    assert "did you mean models?" in call_here("fer-edge", "modles", cwd=tmp_path, code=2).stderr
