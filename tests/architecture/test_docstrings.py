"""Public docstrings say in a `Raises:` section which exceptions come (docs/architecture.md)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "core/fer_core",
    "train/fer_train",
    "convert/fer_convert",
    "edge/fer_edge",
    "benchmarks/fer_bench",
)
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)
SECTIONS = ("Args", "Attributes", "Example", "Raises", "Returns", "Yields")
EXCEPTION = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b|\b[Rr]ais(?:e|es|ed|ing)\b")
CONSTRUCTORS = ("__init__", "__post_init__")
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(
    parent: ast.Module | ast.ClassDef, name: str = ""
) -> Iterator[tuple[str, Definition]]:
    """Yield what is public in a module or class, and its constructors, with their full names.

    The docstring of a command of typer is its `--help`, which has no sections.
    """
    for node in parent.body:
        if not isinstance(node, Definition):
            continue
        commands = [each for each in node.decorator_list if ".command" in ast.unparse(each)]
        if node.name in CONSTRUCTORS or not (node.name.startswith("_") or commands):
            yield name + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node, f"{name}{node.name}.")


def divided(docstring: str) -> tuple[str, str]:
    """Return the text outside of the `Raises:` section of a docstring, and that inside."""
    parts: dict[bool, list[str]] = {False: [], True: []}
    inside = False
    for line in docstring.splitlines():
        if header := re.fullmatch(rf"({'|'.join(SECTIONS)}):", line):
            inside = header[1] == "Raises"
        elif line and not line.startswith(" "):
            inside = False
        parts[inside].append(line)
    return "\n".join(parts[False]), "\n".join(parts[True])


def raised(node: ast.AST) -> Iterator[str]:
    """Yield the names of what code raises itself; nothing for what it catches itself."""
    if isinstance(node, Definition | ast.Lambda):
        return
    if isinstance(node, ast.Raise) and node.exc:
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        yield ast.unparse(kind).split(".")[-1]
    handlers = node.handlers if isinstance(node, ast.Try) else []
    caught = {name for each in handlers if each.type for name in names(each.type)}
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from (each for each in raised(child) if field != "body" or each not in caught)


def names(node: ast.expr) -> list[str]:
    return [ast.unparse(each) for each in (node.elts if isinstance(node, ast.Tuple) else [node])]


def faults(source: str) -> list[str]:
    """Return what lacks in the docstrings of a module."""
    found = []
    public = dict(definitions(ast.parse(source)))
    for name, node in public.items():
        owner, _, own = name.rpartition(".")
        outside, inside = divided(ast.get_docstring(node) or "")
        if own in CONSTRUCTORS and not outside:
            _, inside = divided(ast.get_docstring(public[owner]) or "")
        is_exception = isinstance(node, ast.ClassDef) and EXCEPTION.fullmatch(node.name)
        found += [f"{name} names {each}" for each in EXCEPTION.findall(outside) if not is_exception]
        if isinstance(node, ast.ClassDef):
            continue
        for kind in (each for line in node.body for each in raised(line)):
            if not (re.search(rf"^ +{kind}:", inside, re.M) if kind[0].isupper() else inside):
                found.append(f"{name} raises {kind}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_exceptions_are_in_a_raises_section(module: str) -> None:
    assert faults((ROOT / module).read_text(encoding="utf-8")) == []


DOCUMENTED = '"""Do it.\n\n    Raises:\n        ValueError: It is odd.\n    """'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('def f():\n    """Do it."""\n    raise ValueError("odd")', ["f raises ValueError"]),
        (
            'def f():\n    """Do it; raise ValueError if odd."""',
            ["f names raise", "f names ValueError"],
        ),
        (f"def f():\n    {DOCUMENTED}\n    raise ValueError", []),
        (f"def f():\n    {DOCUMENTED}\n    raise errors.FerError", ["f raises FerError"]),
        (f"def f():\n    {DOCUMENTED}\n    raise _refusal(1)", []),
        ('def f():\n    """Do it."""\n    raise _refusal(1)', ["f raises _refusal"]),
        ('def f():\n    """Do it."""\n    raise', []),
        ('def _f():\n    """Do it, or raise."""\n    raise ValueError', []),
        ('@app.command()\ndef f():\n    """Do it."""\n    raise ValueError', []),
        ('def f():\n    """Do it."""\n    def g():\n        raise ValueError', []),
        (
            'def f():\n    """Do it."""\n    try:\n        raise ValueError\n'
            "    except (OSError, ValueError):\n        return",
            [],
        ),
        (
            'def f():\n    """Do it."""\n    try:\n        pass\n    except ValueError:\n'
            "        raise ValueError",
            ["f raises ValueError"],
        ),
        (
            'class C:\n    """It."""\n    def __post_init__(self):\n        raise ValueError',
            ["C.__post_init__ raises ValueError"],
        ),
        (f"class C:\n    {DOCUMENTED}\n    def __init__(self):\n        raise ValueError", []),
        ('class OddError(Exception):\n    """An OddError."""', []),
    ],
)
def test_faults_of_docstrings_are_found(source: str, expected: list[str]) -> None:
    assert faults(source) == expected
