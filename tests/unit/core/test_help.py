"""The groups of options that `--help` shows, in all four commands."""

from __future__ import annotations

import shlex
from importlib import import_module

import pytest
import typer

from fer_core.help import OptionGroup
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


def examples() -> list[tuple[str, str]]:
    """Return the examples of each command that can be imported here."""
    found: list[tuple[str, str]] = []
    for name in NAMES:
        try:
            groups: tuple[OptionGroup, ...] = default_command(name)[1].groups
        except pytest.skip.Exception:
            continue
        assert all(len(group.examples) == 2 for group in groups)
        found += [(name, example) for group in groups for example in group.examples]
    return found


@pytest.mark.parametrize(("name", "example"), examples())
def test_examples_are_commands_that_parse(name: str, example: str) -> None:
    program, *words = shlex.split(example)
    assert program == name.replace("_", "-")
    _, command = default_command(name)
    convert_plainly(command.params)
    with command.make_context(program, words) as context:
        assert not context.args


def test_help_shows_the_groups_with_their_examples(capsys: pytest.CaptureFixture[str]) -> None:
    app = import_module("fer_edge.cli").app
    app(["--help"], prog_name="fer-edge", standalone_mode=False)
    said = capsys.readouterr().out
    watch = said.index("What to watch:")
    assert watch < said.index("--camera") < said.index("$ fer-edge --camera 0 --size 640x480")
    assert said.index("People and privacy:") < said.index("--blur") < said.index("More options:")
    assert "..." not in said.partition("Other commands:")[2]
