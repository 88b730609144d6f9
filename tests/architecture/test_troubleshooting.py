"""The page on errors explains each code that commands print, with messages that they write."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fer_edge.doctor import _CHECKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^### ([a-z0-9-]+)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
MESSAGES = [
    (code, message)
    for code, text in SECTIONS
    for message in re.findall(r"^`([^`]+)`$", text, re.MULTILINE)
]
MESSAGES += [("", message) for message in re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE)]
OF_OTHERS = {"numpy.dtype size changed", "error: externally-managed-environment"}
GAP = "\0"
LEAST = 45


@cache
def nodes() -> list[ast.AST]:
    files = [
        file
        for package in ("core", "edge", "train", "convert", "benchmarks")
        for file in (ROOT / package).glob("fer_*/**/*.py")
    ]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    return [node for tree in trees for node in ast.walk(tree)]


def text_of(node: ast.AST) -> str | None:
    """Return the text of a literal, with a gap for what is filled in; None for another node."""
    if isinstance(node, ast.JoinedStr):
        parts = node.values
        return "".join(str(p.value) if isinstance(p, ast.Constant) else GAP for p in parts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[sd]|%\.\df", GAP, node.value)
    return None


@cache
def sources() -> str:
    return "\n".join(text for node in nodes() if (text := text_of(node)))


def codes_of(node: ast.AST) -> Iterator[str]:
    """Yield the codes that a call names: `see="..."`, or `extra={"see": "..."}` of a log line."""
    for keyword in node.keywords if isinstance(node, ast.Call) else ():
        value = keyword.value
        if keyword.arg == "extra" and isinstance(value, ast.Dict):
            (value,) = value.values
        elif keyword.arg != "see":
            continue
        if isinstance(value, ast.Constant) and value.value:
            yield value.value


@cache
def written() -> dict[str, set[str]]:
    """Return the codes in the sources, each with the messages that stand in its calls."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in nodes():
        for code in codes_of(node):
            assert isinstance(node, ast.Call)
            is_finding = isinstance(node.func, ast.Name) and node.func.id == "Finding"
            texts = {text for each in node.args if (text := text_of(each))}
            found[code] |= set() if is_finding else texts
    return found


def pattern(message: str) -> str:
    filled = message.replace("fer-edge says", "… says")  # journalctl -u NAME
    gap = f"(?:[^\n]*?{GAP}[^\n]*?)"
    return gap.join(re.escape(piece) for piece in filled.split("…"))


def test_the_page_explains_each_code_once_and_no_other() -> None:
    codes = [code for code, _ in SECTIONS]
    assert sorted(codes) == sorted(written())
    assert len(codes) >= LEAST


@pytest.mark.parametrize("code", [code for code, _ in SECTIONS])
def test_a_code_is_short_and_its_section_says_why_and_what_to_do(code: str) -> None:
    (text,) = (text for each, text in SECTIONS if each == code)
    assert re.search(r"^\*\*Why:\*\* .*\*\*Fix:\*\* ", text, re.MULTILINE | re.DOTALL)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+){1,3}", code)
    assert len(code) <= 24


@pytest.mark.parametrize(("code", "message"), MESSAGES)
def test_a_message_of_the_page_is_one_of_its_code(code: str, message: str) -> None:
    if message in OF_OTHERS:
        return
    assert re.search(pattern(message), sources())
    own = "\n".join(written().get(code, ()))
    messages = [each for other, each in MESSAGES if other == code]
    assert not own or any(re.search(pattern(each), own) for each in messages)


def test_every_check_of_doctor_has_its_row() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(_CHECKS)
