"""The checker of the documentation's prose finds what it is there for, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import generated
import prose

ROOT = Path(__file__).parents[2]
RULES = prose.Rules(
    max_words=5,
    max_median=4,
    max_line=40,
    instead={"whoever": "'you'"},
)


def test_sentences_end_at_points_items_and_paragraphs() -> None:
    text = (
        "# A title is no sentence\n\nOne two. Three, e.g. four!\n\n- five `a b c`\n- six\nseven\n"
    )
    found = [(line, sentence) for line, sentence in prose.sentences(text)]
    assert found == [
        (3, "One two."),
        (3, "Three, e.g four!"),
        (5, "five CODE"),
        (6, "six seven"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "    $ code may have as many words as it likes\n",
        "```\none two three four five six seven\n```\n",
        "| a | b |\n|---|---|\n| one two three four five six seven | b |\n",
        "> A quote may have six words or more.\n",
        "![a picture of one two three four](five.png)\n",
        "Not `whoever`.\n",
        'Not "whoever".\n',
    ],
)
def test_code_tables_quotes_and_pictures_are_left_out(text: str) -> None:
    assert prose.findings(text, RULES) == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("One two three four five six.\n", "1: 6 words, at most 5: One two three four five six."),
        ("One two three four five.\n", "1: 5 words a sentence (median), at most 4"),
        ("Good.\n\nWhoever reads.\n", "3: \"Whoever\": 'you'"),
        ("# Whoever reads\n", "1: \"Whoever\": 'you'"),
        ("| a |\n|---|\n| b |\n| whoever |\n", "4: \"whoever\": 'you'"),
        ("A." + " B." * 14 + "\n", "1: longer than 40 characters"),
    ],
)
def test_each_rule_finds_its_fault(text: str, finding: str) -> None:
    assert finding in prose.findings(text, RULES)


def test_a_page_s_summary_has_median_longest_and_number() -> None:
    text = "# One two\n\nOne. One two three. One two three four five.\n"
    assert prose.summary(text).split() == ["3", "5", "3"]
    assert prose.summary("# One\n").split() == ["0", "0", "1"]


@pytest.mark.parametrize("page", generated.PAGES)
def test_pages_made_from_the_code_are_those_of_today(page: str) -> None:
    committed = (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8")
    assert committed == generated.PAGES[page](), "run python website/generated.py docs/reference"


def test_subcommands_show_their_examples() -> None:
    page = generated.commands_page()
    (subcommand,) = re.findall(
        r"^### fer-bench compare\n(.*?)^### ", page, re.DOTALL | re.MULTILINE
    )
    assert "Examples:\n\n    $ fer-bench compare " in subcommand


@pytest.mark.parametrize("page", generated.PAGES)
def test_what_help_says_of_options_and_settings_holds_the_rules(page: str) -> None:
    rules = prose.read_rules(Path(prose.__file__).with_name("prose.toml"))
    made = generated.PAGES[page]()
    texts = re.findall(r"^\| `.*? \| (.*?) \|", made, re.MULTILINE)
    assert len(texts) > 50
    found = [each for text in [*texts, made] for each in prose.findings(text + "\n", rules)]
    assert [
        each for each in found if not each.endswith(("(median), at most 14", "characters"))
    ] == []


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that are no docstrings, with their lines."""
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in left_out and " " in node.value:
            yield node.lineno, node.value


@pytest.mark.parametrize("room", ["core", "edge", "train", "convert", "benchmarks"])
def test_messages_have_no_words_to_avoid(room: str) -> None:
    rules = prose.read_rules(ROOT / "website" / "prose.toml")
    files = sorted((ROOT / room).glob("fer_*/**/*.py"))
    assert files
    found = [
        f"{file.name}:{line}: {each}"
        for file in files
        for line, text in literals(ast.parse(file.read_text(encoding="utf-8")))
        for each in prose.words_to_avoid(text, rules)
    ]
    assert found == []


def messages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the whole texts of a line that are no docstrings, with X for what is put into them."""
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            left_out |= set(map(id, node.values))
            parts = node.values
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = [] if id(node) in left_out else [node]
        else:
            continue
        text = "".join(str(each.value) if isinstance(each, ast.Constant) else "X" for each in parts)
        if text and not re.search(r"[<{\n]|SELECT|CREATE|INSERT", text):  # a page, a program, SQL
            yield node.lineno, text


@pytest.mark.parametrize("room", ["core", "edge", "train", "convert", "benchmarks"])
def test_messages_have_short_sentences(room: str) -> None:
    rules = prose.read_rules(ROOT / "website" / "prose.toml")
    found = [
        f"{file.name}:{line}: {sentence}"
        for file in sorted((ROOT / room).glob("fer_*/**/*.py"))
        for line, text in messages(ast.parse(file.read_text(encoding="utf-8")))
        for sentence in re.split(r"(?<=[.;?!])\s+", text)
        if prose.count(sentence) > rules.max_words
    ]
    assert found == []


def test_a_message_with_a_long_sentence_is_found() -> None:
    code = "raise FerError(f'{a} " + "so " * 25 + "long. ' 'Short.')\n"
    ((line, text),) = messages(ast.parse(code))
    assert line == 1
    assert max(map(prose.count, text.split(". "))) == 27


def test_a_message_with_a_word_to_avoid_is_found() -> None:
    code = '"""Whoever reads."""\nraise FerError(f"ask whoever made {file}")\n'
    assert [line for line, text in literals(ast.parse(code)) if "whoever" in text] == [2]
