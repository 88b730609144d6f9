"""The groups of options that `--help` shows, in all four commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from commands import call_here
from fer_core.logs import take_log_format
from fer_core.parameters import convert_plainly


def default_command(name: str) -> tuple[typer.core.TyperGroup, typer.core.TyperCommand]:
    group = typer.main.get_command(pytest.importorskip(f"{name}.cli").app)
    return group, group.commands["run"]


NAMES = ("fer_edge", "fer_train", "fer_convert", "fer_bench")


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_a_group_is_there_once(name: str) -> None:
    _, command = default_command(name)
    there = {each.name for each in command.params}
    named = [option for group in command.groups for option in group.names]
    assert len(named) == len(set(named))
    assert set(named) <= there
    rest = command.all_groups(typer.Context(command))[-1].names
    assert {"quiet", "version"} <= set(rest)
    assert {*named, *rest} >= there


def commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield each command of a group with the words that call it."""
    for word, command in group.commands.items():
        called = name if word == "run" else f"{name} {word}"
        if hasattr(command, "commands"):
            yield from commands(command, called)
        else:
            yield called, command


def all_commands() -> dict[str, Any]:
    """Return each command that can be imported here by the words that call it."""
    found: dict[str, Any] = {}
    for name in NAMES:
        try:
            found |= commands(default_command(name)[0], name.replace("_", "-"))
        except pytest.skip.Exception:
            continue
    return found


def examples() -> list[tuple[str, str]]:
    """Return the examples of each command, with the words that call it."""
    return [
        (name, example)
        for name, command in all_commands().items()
        for group in (command, *getattr(command, "groups", ()))
        for example in group.examples
    ]


def test_every_command_has_examples() -> None:
    assert set(all_commands()) == {name for name, _ in examples()}
    groups = [group for each in all_commands().values() for group in getattr(each, "groups", ())]
    assert all(len(group.examples) == 2 for group in groups)


@pytest.mark.parametrize(("name", "example"), examples())
def test_examples_are_commands_that_parse(name: str, example: str) -> None:
    words = shlex.split(example.removeprefix("sudo ~/fer/bin/"))
    called = name.split()
    assert words[: len(called)] == called
    command = all_commands()[name]
    convert_plainly(command.params)
    with command.make_context(name, words[len(called) :]) as context:
        assert not context.args or context.ignore_unknown_options


def test_help_shows_the_groups_with_their_examples(capsys: pytest.CaptureFixture[str]) -> None:
    app = import_module("fer_edge.cli").app
    app(["--help"], prog_name="fer-edge", standalone_mode=False)
    said = capsys.readouterr().out
    watch = said.index("What to watch:")
    assert watch < said.index("--camera") < said.index("$ fer-edge --camera 0 --size 640x480")
    assert said.index("People and privacy:") < said.index("--blur") < said.index("More options:")
    assert "..." not in said.partition("Other commands:")[2]


def test_help_of_a_subcommand_ends_with_its_examples(capsys: pytest.CaptureFixture[str]) -> None:
    app = import_module("fer_edge.cli").app
    app(["models", "back", "--help"], prog_name="fer-edge", standalone_mode=False)
    example = "Examples:\n  $ fer-edge models back --models /var/lib/fer-edge/models\n"
    assert capsys.readouterr().out.endswith(example)


@pytest.fixture
def _text_again() -> Iterator[None]:
    yield
    take_log_format("", [])


@pytest.mark.usefixtures("_text_again")
@pytest.mark.parametrize("name", sorted(all_commands()))
def test_every_command_says_wrong_words_as_json(name: str, tmp_path: Path) -> None:
    command, *words = name.split()
    for given in (
        ["--log-format", "json", *words, "--no-such-option"],
        [*words, "--no-such-option", "--log-format=json"],
    ):
        said = call_here(command, *given, cwd=tmp_path, code=2).stderr
        lines = [json.loads(line) for line in said.splitlines()]
        assert (lines[0]["level"], lines[0]["command"]) == ("error", command)
        assert "such" in lines[0]["message"]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_the_format_of_lines(name: str) -> None:
    _, command = default_command(name)
    (option,) = (each for each in command.params if each.name == "log_format")
    assert option.help == "How lines on stderr look: text or json."
