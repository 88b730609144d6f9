"""What a runner without a screen has besides: a page for people, figures for machines."""

from __future__ import annotations

from contextlib import ExitStack

from fer_edge.config import EdgeConfig
from fer_edge.files import FrameSource
from fer_edge.live import CameraSource
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.requests import Site
from fer_edge.page.server import PageServer
from fer_edge.page.view import LiveView
from fer_edge.sinks import Sink


def make_shelf_sinks(
    config: EdgeConfig, labels: tuple[str, ...], source: FrameSource, stack: ExitStack
) -> list[Sink]:
    """Return the sinks that the settings ask for; leaving the stack ends what they started."""
    sinks: list[Sink] = []
    if config.serve:
        sinks.append(_make_page(config, labels, source, stack))
    return sinks


def _make_page(
    config: EdgeConfig, labels: tuple[str, ...], source: FrameSource, stack: ExitStack
) -> LiveView:
    def counters() -> dict[str, int]:
        if not isinstance(source, CameraSource):
            return {}
        return {"frames_dropped": source.dropped, "camera_reconnects": source.reconnects}

    view, access = LiveView(), Access(ServeAddress.of(config.serve), config.token)
    stack.enter_context(PageServer(Site(view, access, labels, config.serve_video, counters)))
    return view
