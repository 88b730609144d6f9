"""The page on errors has the messages that the commands really write, and every check of doctor."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_edge.doctor import _CHECKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE)
OF_OTHERS = {"numpy.dtype size changed", "error: externally-managed-environment"}
GAP = "\0"


def texts() -> Iterator[str]:
    """Yield the texts of the sources; what is filled in is a gap."""
    for room in ("core", "edge", "train", "convert", "benchmarks"):
        for file in (ROOT / room).glob("fer_*/**/*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(
                        str(part.value) if isinstance(part, ast.Constant) else GAP
                        for part in node.values
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield re.sub(r"%[sd]|%\.\df", GAP, node.value)


SOURCES = "\n".join(texts())


def test_the_page_has_the_errors_that_people_meet() -> None:
    assert len(MESSAGES) >= 30


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_page_is_one_of_a_command(message: str) -> None:
    if message in OF_OTHERS:
        return
    filled = message.replace("fer-edge says", "… says")  # journalctl -u NAME
    pieces = [re.escape(piece) for piece in filled.split("…")]
    assert re.search(f"(?:[^\n]*?{GAP}[^\n]*?)".join(pieces), SOURCES)


def test_every_check_of_doctor_has_its_row() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(_CHECKS)
