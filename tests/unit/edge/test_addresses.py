import platform
import re
import threading
from contextlib import ExitStack

import pytest

from fer_core.errors import ArgumentError
from fer_edge.outputs import Output
from fer_edge.outputs.stamp import Stamp
from fer_edge.page.view import LiveView
from fer_edge.session.addresses import check_addresses
from fer_edge.session.config import EdgeConfig
from fer_edge.session.models import make_model
from fer_edge.session.options import RunOptions
from fer_edge.session.outputs import make_outputs
from fer_edge.session.run import Run
from fer_edge.session.sources import FILE, SOURCES
from fer_edge.stages import StageTimes

TOKEN = "a-token-of-the-tests"


def test_wrong_settings_are_said_before_anything_is_opened() -> None:
    assert check_addresses(EdgeConfig()) == ""
    assert check_addresses(EdgeConfig(serve="8080")) == "http://127.0.0.1:8080/"
    for config, words in (
        (EdgeConfig(serve="host"), "serve must be HOST:PORT"),
        (EdgeConfig(serve="0.0.0.0:8080"), "a token is needed"),
        (EdgeConfig(mqtt="homeassistant.local"), "mqtt must be"),
        (EdgeConfig(mqtt="mqtt://fer:hunter2@host"), "mqtt takes no secret"),
        (EdgeConfig(mqtt="mqtt://host", mqtt_password="hunter2"), "needs an mqtt_user"),
    ):
        with pytest.raises(ArgumentError, match=words) as caught:
            check_addresses(config)
        assert "hunter2" not in str(caught.value)


def test_an_address_for_everybody_is_told_as_telephones_find_it() -> None:
    config = EdgeConfig(serve="0.0.0.0:8080", token=TOKEN)
    name, *numbers = check_addresses(config).split(" or ")
    assert name == f"http://{platform.node().partition('.')[0]}.local:8080/"
    assert all(re.fullmatch(r"http://\d+\.\d+\.\d+\.\d+:8080/", number) for number in numbers)


def test_only_what_is_asked_for_is_made() -> None:
    def made(stack: ExitStack, **settings: str) -> list[Output]:
        options = RunOptions(EdgeConfig(video="clip.mp4", show=False, **settings), quiet=True)
        source = SOURCES["demo"][1](options)
        stop, times = threading.Event(), StageTimes()
        model = make_model(options, FILE, stack, times)
        run = Run(options, FILE, source, model, Stamp("desk"), stop, stack, times)
        return make_outputs(run)

    with ExitStack() as stack:
        assert made(stack) == []
        (page,) = made(stack, serve="18761")
        assert isinstance(page, LiveView)
    assert page.closing.is_set()
