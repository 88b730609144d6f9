"""What MkDocs does here besides its own: a page of the examples, links to files, no foreign host.

mkdocs.yml names this file. `generated.py` makes the page.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import generated

ROOT = Path(__file__).parents[1]
EXAMPLES_PAGE = "how-to/examples.md"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(#[^)]*)?\)")
FOREIGN = re.compile(r"""<(?:script|img|iframe)[^>]*\ssrc="https?:|<link[^>]*\shref="https?:""")


def on_files(files: Files, config: Any) -> Files:
    """Add the page of the examples."""
    files.append(File.generated(config, EXAMPLES_PAGE, content=generated.examples_page()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Show links that leave the documentation as text with the path of the file."""
    here = (ROOT / "docs" / page.file.src_uri).parent

    def shown(match: re.Match[str]) -> str:
        words, target, _ = match.groups()
        file = (here / target).resolve()
        if file.is_relative_to(ROOT / "docs") or not file.exists():
            return match[0]
        if file == generated.EXAMPLES:
            return f"[{words}]({os.path.relpath(ROOT / 'docs' / EXAMPLES_PAGE, here)})"
        path = file.relative_to(ROOT).as_posix()
        return f"`{path}`" if words in (path, file.name) else f"{words} (`{path}`)"

    return LINK.sub(shown, markdown)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Check that a page loads nothing from another host: the site is read offline, too.

    Raises:
        PluginError: It does.
    """
    if found := FOREIGN.search(output):
        raise PluginError(f"{page.file.src_uri} loads from another host: {found[0]}")
    return output
