"""What `--help` of a command shows: its options in groups, with examples for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typer.core import TyperCommand


@dataclass(frozen=True)
class OptionGroup:
    """Options that `--help` shows together.

    Attributes:
        title: Its heading.
        names: The parameters, as the command's function names them.
        examples: Whole commands that use them.
    """

    title: str
    names: tuple[str, ...]
    examples: tuple[str, ...] = ()


class ExampledCommand(TyperCommand):
    """A command whose `--help` ends with whole commands as examples."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}$ {example}\n")


def with_examples(
    *examples: str, kind: type[ExampledCommand] = ExampledCommand
) -> type[ExampledCommand]:
    """Return the kind of a command whose `--help` ends with these commands."""
    return type("WithExamples", (kind,), {"examples": examples})


class GroupedCommand(ExampledCommand):
    """A command that shows its options in groups."""

    groups: tuple[OptionGroup, ...] = ()

    def all_groups(self, ctx: Any) -> tuple[OptionGroup, ...]:
        """Return the groups, last that of the options which stand in none."""
        grouped = {name for group in self.groups for name in group.names}
        others = tuple(each.name for each in self.get_params(ctx) if each.name not in grouped)
        return (*self.groups, OptionGroup("More options", others))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, group by group."""
        told = {each.name: each.get_help_record(ctx) for each in self.get_params(ctx)}
        for group in self.all_groups(ctx):
            with formatter.section(group.title):
                formatter.write_dl([told[name] for name in group.names if told[name]])
                formatter.write_paragraph()
                for example in group.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}$ {example}\n")


def other_commands(formatter: Any, commands: Mapping[str, Any]) -> None:
    """Write the commands of a group, each with what it does."""
    with formatter.section("Other commands"):
        rows = [(name, each.get_short_help_str(1000)) for name, each in commands.items()]
        formatter.write_dl(rows)
