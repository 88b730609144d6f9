"""A chart as a picture."""

from __future__ import annotations

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import UInt8Array
from fer_edge.history.chart import Bar, Chart, bar_name, duration
from fer_edge.outputs.lettering import draw_text, text_size
from fer_edge.outputs.overlay import colour_of

SIZE_PX = (1280, 640)
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 230, 80, 560
_PAPER, _INK, _LINE = 250, (40, 40, 40), (215, 215, 215)
_STEPS_SECONDS = (60, 300, 900, 1800, 3600, 7200, 4 * 3600, 12 * 3600, 24 * 3600)


def draw_chart(chart: Chart) -> UInt8Array:
    """Return a bar for each hour or day, stacked by label, with a legend, (h, w, 3) BGR."""
    width, height = SIZE_PX
    canvas = np.full((height, width, 3), _PAPER, np.uint8)
    title = f"{chart.period.text()}: {duration(chart.total)} in sight, everybody added up"
    draw_text(canvas, title, _LEFT, 45, 0.8, _INK, 2)
    longest = max([60.0, *(bar.total for bar in chart.bars)])
    _draw_scale(canvas, longest)
    step = (width - _RIGHT - _LEFT) / len(chart.bars)
    for index, bar in enumerate(chart.bars):
        left = _LEFT + round(index * step)
        right = max(left + 1, _LEFT + round((index + 1) * step) - (step > 4))
        _draw_bar(canvas, bar, chart, (left, right), longest)
    _draw_names(canvas, chart, step)
    _draw_legend(canvas, chart)
    return canvas


def _draw_scale(canvas: UInt8Array, longest: float) -> None:
    step = next((each for each in _STEPS_SECONDS if longest / each <= 5), _STEPS_SECONDS[-1])
    for seconds in range(0, int(longest) + 1, step):
        row = _row(seconds, longest)
        cv2.line(canvas, (_LEFT, row), (SIZE_PX[0] - _RIGHT, row), _LINE, 1)
        name = duration(seconds).replace(" 00 min", "") if seconds else "0"
        draw_text(canvas, name, _LEFT - 12 - text_size(name, 0.45)[0], row + 5, 0.45, _INK)


def _draw_bar(
    canvas: UInt8Array, bar: Bar, chart: Chart, across: tuple[int, int], longest: float
) -> None:
    below = 0.0
    for label in chart.labels:
        seconds = bar.seconds.get(label, 0.0)
        top, bottom = _row(below + seconds, longest), _row(below, longest)
        if bottom > top:
            corners = (across[0], top), (across[1] - 1, bottom - 1)
            cv2.rectangle(canvas, *corners, colour_of(label), cv2.FILLED)
        below += seconds


def _draw_names(canvas: UInt8Array, chart: Chart, step: float) -> None:
    free_from = 0
    for index, bar in enumerate(chart.bars):
        name, left = bar_name(bar.start, chart.by, chart.period.zone), _LEFT + round(index * step)
        if left >= free_from:
            draw_text(canvas, name, left, _BOTTOM + 25, 0.45, _INK)
            free_from = left + text_size(name, 0.45)[0] + 14


def _draw_legend(canvas: UInt8Array, chart: Chart) -> None:
    left = SIZE_PX[0] - _RIGHT + 20
    for index, (label, seconds) in enumerate(chart.labels.items()):
        row = _TOP + 30 * index
        cv2.rectangle(canvas, (left, row), (left + 16, row + 16), colour_of(label), cv2.FILLED)
        draw_text(canvas, f"{label} {seconds / chart.total:.0%}", left + 26, row + 14, 0.5, _INK)


def _row(seconds: float, longest: float) -> int:
    return _BOTTOM - round((_BOTTOM - _TOP) * seconds / longest)
