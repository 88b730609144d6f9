"""The files that a page is made of, and what browsers are told of everything served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

LOGIN, STYLE = "/login", "/page.css"
"""The addresses that a visitor without a session gets."""
SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; media-src 'self'; "
    "style-src 'self'; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """Files of packages by the address that they are served at.

    Attributes:
        files: The package and the name of each file below its folder `static`.
        title: What the login is titled.
        token_hint: Where a visitor finds the token.
    """

    files: Mapping[str, tuple[str, str]]
    title: str = "fer-edge"
    token_hint: str = "The token of this device: $FER_EDGE_TOKEN, or token in its settings file."

    def __contains__(self, path: str) -> bool:
        """Whether an address is that of a file; the style is that of every page."""
        return path in self.files or path == STYLE

    def file(self, path: str, said: str = "") -> tuple[bytes, str]:
        """Return the content of what an address names, with a line said in it, and its type."""
        package, name = {**self.files, **_SHARED}[path]
        content = files(package).joinpath("static", name).read_bytes()
        kind = f"{_KINDS[name.rpartition('.')[2]]}; charset=utf-8"
        marks = {"title": self.title, "hint": self.token_hint, "said": said}
        for mark, words in marks.items():
            content = content.replace(f"<!-- {mark} -->".encode(), words.encode())
        return content, kind


_PAGE = "fer_edge.page"
FOLLOW = {"/follow.js": (_PAGE, "follow.js")}
"""What follows the events of a server, for every page with them."""
_SHARED = {LOGIN: (_PAGE, "login.html"), STYLE: (_PAGE, "page.css")}
PAGE_FILES = StaticFiles(
    {
        "/": (_PAGE, "index.html"),
        **FOLLOW,
        "/page.js": (_PAGE, "page.js"),
        "/clips.js": (_PAGE, "clips.js"),
        "/history.js": (_PAGE, "history.js"),
        "/unknown.js": (_PAGE, "unknown.js"),
    }
)
