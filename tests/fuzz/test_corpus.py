"""What the guided fuzzer found is read again: its corpus, and the inputs that were faults once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz_corpus import findings, kept_corpus
from fuzz_targets import TARGETS

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", TARGETS)
def test_corpus(tmp_path: Path, name: str) -> None:
    read = TARGETS[name].make(tmp_path)
    kept = kept_corpus(name)
    assert kept
    for content in (*TARGETS[name].seeds(), *kept):
        read(content)


@pytest.mark.parametrize("name", TARGETS)
def test_findings(tmp_path: Path, name: str) -> None:
    read = TARGETS[name].make(tmp_path)
    for file, content in findings(name).items():
        print(file)
        read(content)
