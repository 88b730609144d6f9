"""Boxes, arrows and words as SVG, the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

INK, SOFT, LINE = "#1f2430", "#5b6472", "#8a93a3"
FILLS = {
    "blue": "#e3ecfb",
    "green": "#e2f3e6",
    "yellow": "#fdf3d6",
    "red": "#fbe5e3",
    "gray": "#f1f3f6",
}
_ARROW = (
    '<marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
    'orient="auto">'
    f'<path d="M0 0L10 5L0 10z" fill="{LINE}"/></marker>'
)


class Svg:
    """A drawing; places are in pixels from the top left corner.

    The ground is white, because a page may be dark.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif" font-size="14">',
            f"<title>{escape(title)}</title><defs>{_ARROW}</defs>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        ]

    def text(self, x: int, y: int, words: str, **kind: object) -> None:
        """Write a line; `kind` are attributes of SVG, with `_` for `-`."""
        own = {"fill": INK, **kind}
        attributes = " ".join(f'{name.replace("_", "-")}="{value}"' for name, value in own.items())
        self._parts.append(f'<text x="{x}" y="{y}" {attributes}>{escape(words)}</text>')

    def box(
        self, x: int, y: int, width: int, title: str, lines: Sequence[str] = (), fill: str = "gray"
    ) -> int:
        """Draw a box with a title and smaller lines; return the y of its lower edge."""
        height = 34 + 18 * len(lines)
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" '
            f'fill="{FILLS[fill]}" stroke="{LINE}"/>'
        )
        self.text(x + 12, y + 22, title, font_weight="bold")
        for number, line in enumerate(lines):
            self.text(x + 12, y + 42 + 18 * number, line, font_size=12, fill=SOFT)
        return y + height

    def arrow(self, *points: tuple[int, int]) -> None:
        """Draw an arrow through some points."""
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5" '
            'marker-end="url(#arrow)"/>'
        )

    def finished(self) -> str:
        """Return the drawing."""
        return "\n".join([*self._parts, "</svg>"]) + "\n"
