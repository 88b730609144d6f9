"""The files of the studio's page."""

from __future__ import annotations

from importlib.resources import files

from fer_edge.page.static_files import StaticFiles

_PACKAGE = "fer_train.studio"
_TOKEN_HINT = "The token that $FER_EDGE_TOKEN held when fer-train studio was started."


def page_files() -> StaticFiles:
    """Return the files of the page: index.html as /, the others by their names."""
    folder = files(_PACKAGE).joinpath("static")
    names = sorted(each.name for each in folder.iterdir())
    served = [name for name in names if name.endswith((".html", ".css", ".js"))]
    paths = {"/" if name == "index.html" else f"/{name}": (_PACKAGE, name) for name in served}
    return StaticFiles(paths, "fer-train studio", _TOKEN_HINT)
