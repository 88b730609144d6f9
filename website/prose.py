"""Checks the prose of the documentation: `python website/prose.py` (part of `make lint`).

The rules are in prose.toml. Code, quotes and pictures are left out. Tables and headings have no
sentences, but words to avoid. A span of code counts as one word.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import tomllib
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
SKIPPED = {"heading", "blockquote", "table"}
CODE = "CODE"
WORD = re.compile(r"\w[\w'./:-]*")
ABBREVIATIONS = re.compile(r"\b(e\.g|i\.e|et al|vs|cf)\.", re.IGNORECASE)
END_OF_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+")
QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Rules:
    """What prose.toml says.

    Attributes:
        max_words: Of a sentence.
        max_median: Of the words of a page's sentences.
        max_line: Characters of a line of prose.
        instead: What to write for each word to avoid, a regular expression.
    """

    max_words: int
    max_median: float
    max_line: int
    instead: dict[str, str]


def texts(markdown: str) -> Iterator[tuple[int, str, set[str]]]:
    """Yield each text with the line that it begins at, and the names of what it stands in."""
    inside: list[str] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.nesting == 1:
            inside.append(name)
        elif token.nesting == -1:
            inside.pop()
        elif token.type == "inline":
            line = token.map[0] + 1 if token.map else 0
            yield line, ABBREVIATIONS.sub(r"\1", plain(token.children or [])), set(inside)


def sentences(markdown: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence with the line that its paragraph begins at."""
    for line, text, inside in texts(markdown):
        if not SKIPPED & inside:
            yield from ((line, each) for each in END_OF_SENTENCE.split(text) if WORD.search(each))


def plain(tokens: list[Token]) -> str:
    """Return the words of a paragraph; code becomes a single word."""
    kinds = {"text": None, "softbreak": " ", "hardbreak": ". ", "code_inline": CODE}
    parts = [kinds[each.type] or each.content for each in tokens if each.type in kinds]
    return "".join(parts)


def count(sentence: str) -> int:
    """Return the number of words."""
    return len(WORD.findall(sentence))


def long_lines(markdown: str, limit: int) -> Iterator[int]:
    """Yield the numbers of lines that are too long; tables and code are left out."""
    fenced = False
    for number, line in enumerate(markdown.splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        exempt = fenced or line.startswith(("    ", "|", "![", "$ ")) or " " not in line.strip()
        if len(line) > limit and not exempt and not re.match(r"\s+(\$|\S+ ?=)|\s{6,}", line):
            yield number


def words_to_avoid(text: str, rules: Rules) -> Iterator[str]:
    """Yield each word to avoid with what to write."""
    for word, better in rules.instead.items():
        for match in re.finditer(rf"\b(?:{word})\b", QUOTED.sub("", text), re.IGNORECASE):
            yield f'"{match[0]}": {better}'


def findings(markdown: str, rules: Rules) -> list[str]:
    """Return what is wrong with a page, each as `line: what`."""
    found = []
    counts = []
    for line, sentence in sentences(markdown):
        counts.append(count(sentence))
        if counts[-1] > rules.max_words:
            found.append(f"{line}: {counts[-1]} words, at most {rules.max_words}: {sentence[:70]}")
    for line, text, inside in texts(markdown):
        if "blockquote" not in inside:
            found += [f"{line}: {each}" for each in words_to_avoid(text, rules)]
    if counts and median(counts) > rules.max_median:
        found.append(f"1: {median(counts):g} words a sentence (median), at most {rules.max_median}")
    for number in long_lines(markdown, rules.max_line):
        found.append(f"{number}: longer than {rules.max_line} characters")
    return found


def pages() -> list[Path]:
    """Return all pages of the documentation."""
    return sorted({*ROOT.glob("*.md"), *ROOT.glob("[!.]*/README.md"), *ROOT.glob("docs/**/*.md")})


def read_rules(path: Path) -> Rules:
    """Read prose.toml."""
    return Rules(**tomllib.loads(path.read_text(encoding="utf-8")))


def summary(markdown: str) -> str:
    """Return how many sentences a page has, and their words in the median and at most."""
    counts = [count(sentence) for _, sentence in sentences(markdown)] or [0]
    return f"{median(counts):4g} {max(counts):3} {len(counts):4}"


def main() -> int:
    """Check all pages, or those that are named; `--list` shows how long their sentences are."""
    rules = read_rules(Path(__file__).with_name("prose.toml"))
    names = [word for word in sys.argv[1:] if word != "--list"]
    said = []
    for path in [Path(name).resolve() for name in names] or pages():
        page = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        if "--list" in sys.argv:
            print(f"{summary(text)} {page}")
        said += [f"{page}:{each}" for each in findings(text, rules)]
    print("\n".join(said) if said else "prose: every page holds the rules")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
