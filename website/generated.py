"""Pages of the documentation that are made from the code: the commands and their settings.

    python website/generated.py docs/reference      writes commands.md and settings.md

A test compares them with the code. The page of the examples is made with the site (hooks.py).
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from griffe import Docstring, DocstringSectionAttributes, Object, load

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "README.md"
COMMANDS = ("train", "convert", "edge", "bench")
SETTINGS = {
    "fer_edge.session.config.EdgeConfig": (
        "fer-edge",
        "Keys of the file that `fer-edge --config FILE` and `fer-edge service install` read.",
    ),
    "fer_train.config.TrainConfig": (
        "fer-train",
        "Keys of the file that `fer-train --config FILE` reads, and of `train/configs/NAME.toml`.",
    ),
}


def commands_page() -> str:
    """Return the page of all commands."""
    parts = ["# Commands", "Made from the code: what `--help` of each command says."]
    for name in COMMANDS:
        app = import_module(f"fer_{name}.cli").app
        parts += described(f"fer-{name}", typer.main.get_command(app), "##")
    return "\n\n".join(parts) + "\n"


def described(name: str, command: Any, level: str) -> Iterator[str]:
    """Yield the paragraphs on a command, then those of its subcommands."""
    commands = dict(getattr(command, "commands", {}))
    own = commands.pop("run", command)
    yield f"{level} {name}"
    if own.help:
        yield inspect.cleandoc(own.help).replace("\b\n", "")
    with own.make_context(name, [], resilient_parsing=True) as context:
        pieces = " ".join(own.collect_usage_pieces(context))
        yield f"    {name} {pieces}"
        yield from options_of(own, context)
    if examples := getattr(own, "examples", ()):
        yield "Examples:"
        yield "\n".join(f"    $ {line}" for line in examples)
    for word, each in commands.items():
        if not each.hidden:
            yield from described(f"{name} {word}", each, "###")


def options_of(command: Any, context: Any) -> Iterator[str]:
    """Yield the options of a command, in the groups that `--help` shows where there are some."""
    shown = {each.name: row(each, context) for each in command.get_params(context)}
    rows = {name: each for name, each in shown.items() if each}
    if not getattr(command, "groups", ()):
        if rows:
            yield table(("option", "what"), list(rows.values()))
        return
    for group in command.all_groups(context):
        own = [rows[name] for name in group.names if name in rows]
        yield f"**{group.title}**"
        yield table(("option", "what"), own)
        if group.examples:
            yield "\n".join(f"    $ {line}" for line in group.examples)


def row(parameter: Any, context: Any) -> tuple[str, str] | None:
    """Return an option's names and text as `--help` shows them; None for one that is hidden."""
    record = parameter.get_help_record(context)
    if not record:
        return None
    names, value = re.fullmatch(r"(.*?)(?: <(?:list\[)?([^\]>]*)\]?>)?", record[0]).groups()
    shown = f" *{value.lower()}*" if value and value != "bool" else ""
    return f"`{names}`{shown}", record[1].replace("<", "&lt;")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def settings_page() -> str:
    """Return the page of all settings."""
    parts = [
        "# Settings",
        "Made from the code. A setting that is also an option of the command has its name there, "
        "with hyphens.\nThe command line wins over the file, except over "
        "what a `[[camera]]` table says of its camera.",
    ]
    for path, (command, words) in SETTINGS.items():
        parts += [f"## {command}", words, settings_table(path)]
    return "\n\n".join(parts) + "\n"


def settings_table(path: str) -> str:
    """Return the fields of a dataclass with types, defaults and what they mean."""
    module, _, name = path.rpartition(".")
    described = texts(
        load(module, search_paths=[str(ROOT / room) for room in ("core", "edge", "train")])[name]
    )
    rows = []
    for each in dataclasses.fields(getattr(import_module(module), name)):
        text = " ".join(filter(None, [each.metadata.get("help"), described.get(each.name)]))
        default = "" if each.default is dataclasses.MISSING else toml(each.default)
        rows.append((f"`{each.name}`", text, default))
    return table(("key", "what", "default"), rows)


def toml(value: object) -> str:
    """Return a default as TOML has it, empty where nothing is set."""
    if value in (None, "", ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value:g}`"


def texts(declared: Object) -> dict[str, str]:
    """Return what the docstrings say of each field of a class."""
    found = {
        name: each.docstring.value for name, each in declared.members.items() if each.docstring
    }
    for section in Docstring(declared.docstring.value, parent=declared).parse("google"):
        if isinstance(section, DocstringSectionAttributes):
            found |= {each.name: each.description for each in section.value}
    return {name: re.sub(r"\s+", " ", text) for name, text in found.items()}


def examples_page() -> str:
    """Return the page of the examples: their table, and the text of each program."""
    text = EXAMPLES.read_text(encoding="utf-8").replace("](../docs/", "](../")
    programs = []
    for suffix, language in {".py": "python", ".cc": "cpp"}.items():
        for path in sorted(EXAMPLES.parent.glob(f"*{suffix}")):
            text = text.replace(f"]({path.name})", f"](#{path.name.replace('.', '')})")
            code = path.read_text(encoding="utf-8")
            programs.append(f"## {path.name}\n\n```{language}\n{code}```\n")
    return re.sub(r"\]\((?![.#])", "](../../examples/", text) + "\n" + "\n".join(programs)


def write_pages(folder: Path) -> None:
    """Write the pages into a folder."""
    for name, make in PAGES.items():
        (folder / f"{name}.md").write_text(make(), encoding="utf-8")


PAGES: dict[str, Callable[[], str]] = {"commands": commands_page, "settings": settings_page}


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
