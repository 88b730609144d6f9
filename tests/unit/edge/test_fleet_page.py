"""The page of a fleet, beside a real broker, Debian's mosquitto, on the loopback."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from commands import command_path
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_edge.deployment.folder import ModelFolder
from fer_edge.deployment.intake import ModelIntake
from fer_edge.deployment.published import PublishedBundles
from fer_edge.deployment.published_record import PublishedRecord
from fer_edge.faces.analysis import Analysis
from fer_edge.fleet.fleet import Fleet
from fer_edge.fleet.listener import FleetListener
from fer_edge.fleet.requests import make_handler
from fer_edge.outputs.mqtt.output import MqttOutput
from fer_edge.outputs.mqtt.report import DeviceReport
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.stamp import Stamp
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.door import Door
from fer_edge.page.server import PageServer
from mqtt_broker import FRAME, Broker, delivered, event, hurried, model, wait_until
from new_models import renamed

TOKEN = "a-token-of-the-tests"


@contextmanager
def served(fleet: Fleet, token: str = "") -> Iterator[PageServer]:
    door = Door(Access(ServeAddress("127.0.0.1", 0), token))
    with PageServer(make_handler(fleet, door), lambda: None) as server:
        yield server


def ask(
    server: PageServer, path: str, method: str = "GET", **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, None, headers)
    return connection.getresponse()


def test_the_page_and_its_parts_are_served_to_this_computer_alone() -> None:
    with served(Fleet()) as server:
        for path in ("/", "/fleet.js", "/fleet.css", "/page.css"):
            assert ask(server, path).status == 200
        assert ask(server, "/", Host="evil.example").status == 403
        assert ask(server, "/fleet", "POST").status == 405
        assert json.loads(ask(server, "/fleet").read())["devices"] == []


def test_with_a_token_nothing_is_told_without_it() -> None:
    fleet = Fleet()
    with served(fleet, TOKEN) as server:
        for path in ("/fleet", "/events", "/fleet.js"):
            assert ask(server, path).status == 401
        assert b"The token of this page" in ask(server, "/").read()
        assert ask(server, "/fleet", Authorization=f"Bearer {TOKEN}").status == 200


def test_health_is_that_of_the_broker_and_needs_no_token() -> None:
    seconds = iter([0.0, 70.4, 100.0, 103.0])
    fleet = Fleet(lambda: next(seconds))
    with served(fleet, TOKEN) as server:
        ill = ask(server, "/healthz")
        assert (ill.status, ill.read()) == (503, b"no connection to the broker for 70 s\n")
        fleet.connected()
        well = ask(server, "/healthz")
        assert (well.status, well.read()) == (200, b"ok: connected to the broker for 3 s\n")


def test_news_come_as_they_happen() -> None:
    fleet = Fleet()
    with served(fleet) as server:
        events = ask(server, "/events")
        first = json.loads(events.readline().removeprefix(b"data: "))
        assert (first["devices"], first["broker"]["connected"]) == ([], False)
        fleet.hear("fer-edge/hall/availability", b"online", False)
        events.readline()
        second = json.loads(events.readline().removeprefix(b"data: "))
        assert [each["name"] for each in second["devices"]] == ["hall"]
        events.close()


def states(fleet: Fleet) -> dict[str, str]:
    return {each["name"]: each["state"] for each in fleet.news()["devices"]}


@contextmanager
def listening(broker: Broker) -> Iterator[Fleet]:
    fleet = Fleet()
    listener = FleetListener(MqttSettings("127.0.0.1", broker.port), fleet)
    hurry(listener)
    with listener:
        wait_until(lambda: bool(fleet.news()["broker"]["connected"]))
        yield fleet


def hurry(listener: FleetListener) -> None:
    client: Any = listener._client
    client._reconnect_min_delay = client._reconnect_max_delay = 0.1


def device(broker: Broker, name: str) -> MqttOutput:
    settings = MqttSettings("127.0.0.1", broker.port, name)
    return hurried(MqttOutput(settings, model, Stamp(name), report=DeviceReport(name, model)))


def test_devices_come_go_and_come_back_with_the_broker(broker: Broker) -> None:
    broker.start()
    with listening(broker) as fleet, device(broker, "hall") as hall:
        hall.write(FRAME, Analysis())
        with device(broker, "door") as door:
            door.write(FRAME, Analysis())
            wait_until(lambda: states(fleet) == {"hall": "alive", "door": "alive"})
            wait_until(lambda: all("version" in each for each in fleet.news()["devices"]))
        wait_until(lambda: states(fleet)["door"] == "away")
        broker.end()
        wait_until(lambda: not fleet.news()["broker"]["connected"])
        assert states(fleet) == {"hall": "alive", "door": "away"}
        seen = fleet.news()["number"]
        broker.start()
        wait_until(lambda: bool(fleet.news()["broker"]["connected"]))
        wait_until(lambda: any(each["name"] == "hall" for each in fleet.news(seen)["devices"]))
        assert states(fleet) == {"hall": "alive", "door": "away"}


def test_what_is_too_large_for_a_report_costs_the_page_nothing(broker: Broker) -> None:
    from paho.mqtt.publish import single

    broker.start()
    large = b"x" * 1_000_000
    single("fer-edge/hall/report", large, 1, True, "127.0.0.1", broker.port)
    with listening(broker) as fleet:
        single("fer-edge/hall/availability", b"online", 1, True, "127.0.0.1", broker.port)
        wait_until(lambda: states(fleet) == {"hall": "alive"})
        assert fleet.news()["broker"]["connected"]
        assert fleet.news()["messages"] == 1


def test_a_broker_that_refuses_is_told_on_the_page(
    broker: Broker, warnings: Callable[[], list[str]]
) -> None:
    broker.start("allow_anonymous false")
    fleet = Fleet()
    listener = FleetListener(MqttSettings("127.0.0.1", broker.port), fleet)
    hurry(listener)
    with listener:
        wait_until(lambda: broker.log.read_text().count("not authorised") > 2)
        told = fleet.news()["broker"]
    assert not told["connected"]
    assert "see mqtt_user and mqtt_password" in told["why"]
    assert len(warnings()) == 1


def test_the_command_serves_its_page_without_a_broker_and_ends_when_asked() -> None:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed: extra [mqtt]")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ("--mqtt", "mqtt://127.0.0.1:1", "--serve", str(port))
    process = subprocess.Popen(
        [command_path("fer-edge"), "fleet", *words], stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: "refused" in _why_no_broker(port))
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=10)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert f"page: http://127.0.0.1:{port}/" in said
    assert "the MQTT broker 127.0.0.1:1 is away" in said
    assert "Traceback" not in said


def _why_no_broker(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/fleet")
        return str(json.loads(connection.getresponse().read())["broker"]["why"])
    except ConnectionRefusedError:
        return "not yet"


def test_a_device_outlasts_a_published_message_that_is_too_large(
    broker: Broker, tmp_path: Path
) -> None:
    from paho.mqtt.publish import single

    broker.start()
    single("fer-edge/bundle", b"x" * 100_000, 1, True, "127.0.0.1", broker.port)
    intake = ModelIntake(ModelFolder(tmp_path))
    bundles = PublishedBundles("hall", "A" * 43 + "=", intake, PublishedRecord(tmp_path))
    settings = MqttSettings("127.0.0.1", broker.port, "hall")
    output = hurried(MqttOutput(settings, model, Stamp("hall"), inbox=bundles))
    with listening(broker) as fleet, output:
        wait_until(lambda: "larger than it may be" in bundles.report().why)
        output.write(FRAME, Analysis(events=[event("started", 1)]))
        delivered(output, 1)
        wait_until(lambda: states(fleet) == {"hall": "alive"})
    assert bundles.topics == frozenset()


def test_a_bundle_that_fails_here_is_published_to_nobody(
    broker: Broker, tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")
    from fer_edge.deployment.signing.keys import SigningKey
    from fer_edge.fleet.push import push, withdraw

    monkeypatch.setattr("fer_edge.fleet.push.LISTEN_SECONDS", 0.2)

    broker.start()
    settings, key = MqttSettings("127.0.0.1", broker.port), SigningKey.make(tmp_path / "k.pem")
    renamed(nano, "mine").save(file := tmp_path / "mine.tflite")

    def refuse(path: Path) -> ModelBundle:
        raise FerError("it does not run")

    with listening(broker) as fleet:
        with pytest.raises(FerError, match="does not run"):
            push(settings, file, key, check=refuse)
        assert fleet.published() == {}
        first = push(settings, file, key, check=ModelBundle.load).announcement
        wait_until(lambda: "" in fleet.published())
        renamed(nano, "next").save(file)
        second = push(settings, file, key, check=ModelBundle.load).announcement
        wait_until(lambda: fleet.published()[""].announcement == second)
        assert second.number > first.number
    kept = retained(broker)
    assert set(kept) == {"fer-edge/bundle", second.content_topic}  # the first one's file is gone
    assert kept[second.content_topic] == file.read_bytes()
    first = push(settings, file, key, "hall", ModelBundle.load).announcement
    assert withdraw(settings) == "next-int8"  # the one for the hall has the same file
    assert set(retained(broker)) == {"fer-edge/hall/bundle", first.content_topic}
    assert withdraw(settings, "hall") == "next-int8"
    assert (withdraw(settings, "hall"), retained(broker)) == ("", {})


def test_a_user_who_may_not_publish_is_told_so(
    broker: Broker, tmp_path: Path, nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")
    from fer_edge.deployment.signing.keys import SigningKey
    from fer_edge.fleet.push import push, withdraw

    monkeypatch.setattr("fer_edge.fleet.push.LISTEN_SECONDS", 0.2)
    rights = tmp_path / "acl"
    rights.write_text("topic read #\n")
    broker.start("allow_anonymous true", f"acl_file {rights}")
    settings, key = MqttSettings("127.0.0.1", broker.port), SigningKey.make(tmp_path / "k.pem")
    nano.save(file := tmp_path / "mine.tflite")
    with pytest.raises(FerError, match=r"refuses fer-edge/bundle/.*Not authorized.*--mqtt-user"):
        push(settings, file, key, check=ModelBundle.load)
    with pytest.raises(FerError, match=r"refuses fer-edge/bundle .*Not authorized"):
        withdraw(settings)


def retained(broker: Broker) -> dict[str, bytes]:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    kept: dict[str, bytes] = {}
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda client, *_: client.subscribe("#")
    client.on_message = lambda _c, _d, message: kept.update({message.topic: message.payload})
    client.connect("127.0.0.1", broker.port)
    for _ in range(20):
        client.loop(0.05)
    client.disconnect()
    return kept
