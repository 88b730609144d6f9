"""Names that people type and that become folders."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from fer_core.errors import FerError
from fer_core.pictures import is_junk
from fer_core.text import is_plain_name, printable_name

MOST_LETTERS = 40
_NO_FILE_NAME = re.compile(r'[/\\:*?"<>|]')
"""What stands in no file name on Windows, or leads to another folder."""
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])\s*(\.|$)", re.IGNORECASE)
"""What Windows takes for a device, whatever follows the dot."""
_BLANK_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs of Unicode that show nothing."""


def folder_name(text: str, whose: str) -> str:
    """Return a name that a folder may have: composed (NFC), without spaces around it.

    Args:
        text: The name.
        whose: What is called so, as "class".

    Raises:
        FerError: No folder may be called so.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise FerError(f"a {whose} needs a name: type one")
    if not any(map(_is_seen, name)):
        raise FerError(f"nobody could see this name of a {whose}: type letters or digits")
    if not is_plain_name(name):
        shown = printable_name(name)
        raise FerError(f"'{shown}' cannot be the name of a {whose}: type a plain one")
    if len(name) > MOST_LETTERS:
        raise FerError(f"{name[:MOST_LETTERS]}...: at most {MOST_LETTERS} letters, please")
    if _NO_FILE_NAME.search(name) or name.endswith(".") or is_junk(Path(name)):
        raise FerError(
            f"'{name}' cannot be the name of a folder: "
            'leave / \\ : * ? " < > | out, and dots at either end'
        )
    if _DEVICES.match(unicodedata.normalize("NFKC", name)):
        raise FerError(f"'{name}' is the name of a device on Windows: choose another name")
    return name


def _is_seen(letter: str) -> bool:
    """Return whether a letter shows something by itself."""
    invisible = unicodedata.category(letter) in ("Cf", "Mn", "Me", "Zs")
    return not invisible and letter not in _BLANK_LETTERS
