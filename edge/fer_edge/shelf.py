"""What a runner without a screen has besides: a page for people, figures for machines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from fer_edge.config import EdgeConfig
from fer_edge.outputs import Output
from fer_edge.outputs.lines import LineFile
from fer_edge.outputs.mqtt import MqttOutput
from fer_edge.outputs.mqtt_settings import MqttSettings
from fer_edge.outputs.stamp import Stamp, own_name
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.server import PageServer
from fer_edge.page.site import Site
from fer_edge.page.view import LiveView
from fer_edge.sources import FrameSource
from fer_edge.sources.live import CameraSource


def make_shelf_outputs(
    config: EdgeConfig,
    labels: tuple[str, ...],
    source: FrameSource,
    files: Sequence[LineFile],
    stored: tuple[str, ...],
    stack: ExitStack,
) -> list[Output]:
    """Return the outputs that the settings ask for; leaving the stack ends what they started.

    `files` are the line files of the run, whose losses are among the page's figures; `stored` is
    what the page says of what is written.
    """
    outputs: list[Output] = []
    broker = _make_broker(config, labels, stack) if config.mqtt else None
    if broker:
        outputs.append(broker)
    if config.serve:
        counters = partial(_counters, source, files, broker)
        view, access = LiveView(), Access(ServeAddress.of(config.serve), config.token)
        site = Site(view, access, labels, config.serve_video, stored, counters)
        stack.enter_context(PageServer(site))
        outputs.append(view)
    return outputs


def _make_broker(config: EdgeConfig, labels: tuple[str, ...], stack: ExitStack) -> MqttOutput:
    settings = _mqtt_settings(config)
    return stack.enter_context(MqttOutput(settings, labels, Stamp(settings.name)))


def _mqtt_settings(config: EdgeConfig) -> MqttSettings:
    name = config.mqtt_name or own_name()  # two devices at one broker must not share a name
    return MqttSettings.of(config.mqtt, name, config.mqtt_user, config.mqtt_password)


def check_shelf(config: EdgeConfig) -> str:
    """Return the address of the page, empty for none; raise ArgumentError for wrong settings.

    Nothing is opened yet.
    """
    if config.mqtt:
        _mqtt_settings(config)
    return Access(ServeAddress.of(config.serve), config.token).address.url if config.serve else ""


def _counters(
    source: FrameSource, files: Sequence[LineFile], broker: MqttOutput | None
) -> dict[str, int]:
    """Return what was lost and mended, for the page's metrics."""
    counts = {"lines_dropped": sum(file.dropped for file in files)} if files else {}
    if isinstance(source, CameraSource):
        counts |= {"frames_dropped": source.dropped, "camera_reconnects": source.reconnects}
    if broker:
        counts |= {"mqtt_delivered": broker.delivered, "mqtt_dropped": broker.dropped}
    return counts
