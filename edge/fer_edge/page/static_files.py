"""The files that the page is made of, and what browsers are told of everything served."""

from __future__ import annotations

from importlib.resources import files

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def static_file(name: str) -> bytes:
    """Return the content of one of the page's files."""
    return files("fer_edge.page").joinpath("static", name).read_bytes()


def filled_page(name: str, said: str = "") -> tuple[bytes, str]:
    """Return a page with a line said in it, and its content type."""
    return static_file(name).replace(b"<!-- said -->", said.encode()), "text/html; charset=utf-8"
