"""Names that are no UTF-8, such as those of old cameras and of archives made on Windows.

Python holds their bytes as lone surrogates. They stay so inside and in file names; on paper, where
such a character cannot stand, a replacement does.
"""

from __future__ import annotations

import difflib
import re
import shlex
import sys
import unicodedata
from collections.abc import Iterable

_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Unpaired surrogates that stand for no byte of a name."""


def on_paper(text: str) -> str:
    """Return a text to be shown: what is no character is a replacement character."""
    return to_bytes(text).decode("utf-8", "replace")


_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What steers a terminal or turns the direction of a text, but for the end of a line."""


def printable(text: str) -> str:
    r"""Return a text for a terminal: names of strangers may hold what steers it, as \x1b here."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_name(name: str) -> str:
    """Return a name of one line for a terminal: what it holds cannot look like another line."""
    return printable(name).replace("\n", "\\n")


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: "1 face", "1,200 faces"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" for the known word that is nearly this one, empty for none."""
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def in_markdown(text: str) -> str:
    """Return a name as Markdown shows it, in tables too."""
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", text)


def is_plain_name(name: str) -> bool:
    """Return whether a class or person may be called so: one plain line, no unpaired surrogate."""
    return bool(name) and "\n" not in name and not (_CONTROL.search(name) or _NO_BYTE.search(name))


def composed(name: str) -> str:
    """Return a name as people type it (NFC): a Mac may store a letter apart from its accent."""
    return unicodedata.normalize("NFC", name)


def name_key(name: str) -> str:
    """Return what two names share that a file system or a reader may take for one.

    Neither capitals nor the form of accents (NFC, NFD) count.
    """
    return composed(name).casefold()


def typed(*words: object) -> str:
    """Return a command, or a path in one, as a shell takes it: with quotes where it needs them."""
    given = list(map(str, words))
    if sys.platform == "win32":
        import subprocess

        return subprocess.list2cmdline(given)
    return shlex.join(given)


def to_bytes(text: str) -> bytes:
    """Return a text as UTF-8, names that are none as the bytes that they were.

    An unpaired surrogate that stands for no byte, as JSON may hold, becomes a question mark.
    """
    return _NO_BYTE.sub("?", text).encode("utf-8", "surrogateescape")


def distinct_bytes(text: str) -> bytes:
    """Return a text as bytes that no other text has, half characters as three bytes each."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def forgive_names_on_paper() -> None:
    """Let stdout and stderr replace what they cannot show, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


_TABLE = """
ä=ae ö=oe ü=ue ß=ss æ=ae ø=o ł=l đ=d ð=d þ=th œ=oe ı=i ’=' ‘=' “=" ”=" –=- —=- …=...
а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f
х=kh ц=ts ч=ch ш=sh щ=shch ъ= ы=y ь= э=e ю=yu я=ya
α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch
ψ=ps ω=o
"""
"""How small letters are spelled where taking away an accent is not enough."""
_SPELLED: dict[str, str] = dict(pair.split("=") for pair in _TABLE.split())


def in_ascii(text: str) -> str:
    """Return a text in the letters that OpenCV draws, others spelled in them.

    Of a script without a table here each letter is spelled by its name in Unicode, and one that
    has none by its number.
    """
    return text if text.isascii() else "".join(map(_spelled, text))


def _spelled(character: str) -> str:
    if character.isascii():
        return character
    for letter in (character, unicodedata.normalize("NFD", character)[0]):
        if letter in _SPELLED:
            return _SPELLED[letter]
        if letter.lower() in _SPELLED:
            return _SPELLED[letter.lower()].capitalize()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    if plain or unicodedata.combining(character):
        return plain
    name = unicodedata.name(character, "")
    has_sound = "LETTER" in name or "SYLLABLE" in name
    return name.rpartition(" ")[2].lower() if has_sound else f"u{ord(character):04x}"
