"""What the MQTT output tells a real broker, Debian's mosquitto, on the loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from fer_core import __version__
from fer_core.values import Gap, Observation
from fer_edge.faces.analysis import Analysis
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.mqtt.home_assistant import FaceState
from fer_edge.outputs.mqtt.output import MqttOutput
from fer_edge.outputs.mqtt.sensors import BLIND_SECONDS
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.stamp import Stamp
from mqtt_broker import (
    BASE,
    FRAME,
    Broker,
    Listener,
    delivered,
    ended,
    event,
    hurried,
    model,
    output_at,
    seen,
    showing,
    wait_until,
)


def test_a_camera_without_pictures_is_unavailable_until_one_comes_and_its_device_is_not(
    broker: Broker,
) -> None:
    broker.start()
    with Listener(broker.port) as listener:
        with output_at(broker) as output:
            output.write(replace(FRAME, captured_at=1.0), Analysis())
            listener.wait_for("camera/availability", "online")
            output.idle(Gap(BLIND_SECONDS), Analysis())
            output.idle(Gap(2 + BLIND_SECONDS), Analysis(events=[ended(1)]))
            listener.wait_for("camera/availability", "offline")
            delivered(output, 1)
            output.write(replace(FRAME, captured_at=30.0), Analysis())
            listener.wait_for("camera/availability", "online")
        listener.wait_for("availability", "offline")
    assert listener.all("camera/availability") == ["online", "offline", "online"]
    assert listener.all("availability") == ["online", "offline"]


def test_home_assistant_finds_three_sensors(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener, output_at(broker):
        listener.wait_for("state", "none")
        expression, faces, which = (
            json.loads(listener.last(f"homeassistant/sensor/hall/{key}/config") or "")
            for key in ("expression", "faces", "model")
        )
        assert listener.last("model") == "test-int8 abababababab"
        assert listener.all("availability") == ["online"]
    assert expression["device_class"] == "enum"
    assert expression["options"] == ["calm", "glad", "none"]
    assert expression["unique_id"] == "fer-edge-hall-expression"
    assert expression["state_topic"] == f"{BASE}/state"
    assert expression["json_attributes_topic"] == f"{BASE}/attributes"
    assert "state_class" not in expression  # Home Assistant refuses it beside options
    assert faces["unique_id"] == "fer-edge-hall-faces"
    assert (faces["state_topic"], faces["state_class"]) == (f"{BASE}/faces", "measurement")
    assert (which["state_topic"], which["entity_category"]) == (f"{BASE}/model", "diagnostic")
    for sensor, *of_camera in ((expression, "camera/"), (faces, "camera/"), (which,)):
        topics = [f"{BASE}/{each}availability" for each in ("", *of_camera)]
        assert sensor["availability"] == [{"topic": topic} for topic in topics]
        assert sensor["device"]["identifiers"] == ["fer-edge-hall"]
        assert sensor["device"]["sw_version"] == sensor["origin"]["sw_version"] == __version__


def test_each_camera_has_sensors_and_an_availability_of_its_own(broker: Broker) -> None:
    broker.start()
    settings = MqttSettings("127.0.0.1", broker.port, "hall")
    door, desk = (replace(FRAME, camera=name, captured_at=1.0) for name in ("door", "desk"))
    with Listener(broker.port) as listener:
        with MqttOutput(settings, model, Stamp("hall"), ("door", "desk")) as output:
            for frame in (door, desk):
                output.write(frame, Analysis())
            announced = (seen(1, 30, glad=0.9),)
            started = replace(event("started", 1, "glad", 0.9), camera="desk")
            output.write(desk, Analysis(announced, (started,), announced))
            output.idle(Gap(2 + BLIND_SECONDS, camera="door"), Analysis())
            listener.wait_for("door/availability", "offline")
            listener.wait_for("desk/state", "glad")
            delivered(output, 1)
        assert json.loads(listener.all("desk/event")[0])["camera"] == "desk"
        assert listener.all("desk/availability") == ["online"]
        assert listener.all("door/state") == ["none"]
        known = json.loads(listener.last("homeassistant/sensor/hall/desk-expression/config") or "")
    assert (known["name"], known["unique_id"]) == (
        "Desk expression",
        "fer-edge-hall-desk-expression",
    )
    assert [each["topic"] for each in known["availability"]] == [
        f"{BASE}/availability",
        f"{BASE}/desk/availability",
    ]
    assert known["availability_mode"] == "all"


def test_a_known_person_is_a_sensor_once_seen(broker: Broker) -> None:
    broker.start()
    settings = MqttSettings("127.0.0.1", broker.port, "hall")
    door, desk = (replace(FRAME, camera=name) for name in ("door", "desk"))
    anna, zoe = (replace(seen(1, 30, glad=0.9), person=who) for who in ("Anna", "Zo\u00eb"))
    with Listener(broker.port) as listener:
        with MqttOutput(settings, model, Stamp("hall"), ("door", "desk")) as output:
            output.write(door, showing(anna))
            listener.wait_for("person/anna/state", "glad")
            output.write(desk, showing(anna, zoe))
            output.write(door, Analysis())
            listener.wait_for("person/zo-c6a126/state", "glad")
            assert json.loads(listener.last("person/anna/attributes") or "") == {
                "name": "Anna",
                "camera": "desk",
            }
            output.write(desk, Analysis())
            listener.wait_for("person/anna/state", "none")
        config = listener.last("homeassistant/sensor/hall/person-anna/config")
        known = json.loads(config or "")
    assert (known["name"], known["options"]) == ("Anna", ["calm", "glad", "none"])
    assert known["state_topic"] == f"{BASE}/person/anna/state"


def test_who_comes_late_sees_the_state_of_the_largest_told_face(broker: Broker) -> None:
    broker.start()
    events = (event("started", 1, "calm", 0.8), event("started", 2, "glad", 0.6))
    announced = (seen(1, 30, glad=0.2), seen(2, 60, glad=0.6))
    with output_at(broker) as output:
        output.write(FRAME, Analysis((*announced, seen(3, 90)), events, announced))
        delivered(output, 2)
        wait_until(output._is_settled)
        with Listener(broker.port) as listener:
            listener.wait_for("state", "glad")
            listener.wait_for("faces", "2")
            known = {"faces": 2, "confidence": 0.6, "track": 2}
            wait_until(lambda: listener.last("attributes") is not None)
            assert json.loads(listener.last("attributes") or "") == known
            assert len(listener.messages) == 9
            assert all(retained for _, _, retained in listener.messages)
            assert listener.all("event") == []


def test_only_changes_are_sent_and_none_when_the_last_face_has_left(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener, output_at(broker) as output:
        listener.wait_for("state", "none")
        told = [event("started", 7), event("changed", 7, "calm"), ended(7)]
        for one, glad in zip(told, (0.9, 0.1, None), strict=True):
            faces = [] if glad is None else [seen(7, 30, glad)]
            for events in ([one], [], []):
                output.write(FRAME, showing(*faces, events=events))
                faces = [
                    replace(face, prediction=seen(7, 30, abs(glad - 0.05)).prediction)
                    for face in faces
                ]
                wait_until(output._is_settled)
        wait_until(lambda: len(listener.all("event")) == 3)
        listener.wait_for("attributes", '{"faces": 0, "confidence": 0.0, "track": null}')
        listener.wait_for("state", "none")
        assert listener.all("state") == ["none", "glad", "calm", "none"]
        assert listener.all("faces") == ["0", "1", "0"]
        assert listener.all("event") == [
            one.to_json({"source": "", "device": "hall"}) for one in told
        ]


def test_another_model_brings_its_labels_before_a_state_with_one(broker: Broker) -> None:
    broker.start()
    models = [model()]
    settings = MqttSettings("127.0.0.1", broker.port, "hall")
    with (
        Listener(broker.port) as listener,
        hurried(MqttOutput(settings, lambda: models[-1], Stamp("hall"))) as output,
    ):
        listener.wait_for("model", "test-int8 abababababab")
        wait_until(output._is_settled)
        models.append(ModelFacts("other-int8", "cd" * 32, ("asleep", "awake")))
        output.write(FRAME, Analysis())
        listener.wait_for("model", "other-int8 cdcdcdcdcdcd")
        topic = "homeassistant/sensor/hall/expression/config"
        assert json.loads(listener.last(topic) or "")["options"] == ["asleep", "awake", "none"]
        count = len(listener.messages)
        output.write(FRAME, Analysis())
        wait_until(output._is_settled)
        assert len(listener.messages) == count  # the same model is told once
    order = list(output._known)
    assert order.index(topic) < order.index(f"{BASE}/state")


def test_faces_of_one_size_do_not_take_turns_and_a_missed_one_stays() -> None:
    state, shown = FaceState(""), []

    def calm(side_px: int) -> Observation:
        return seen(1, side_px, glad=0.2)

    for faces in (
        (calm(50), seen(2, 49)),
        (calm(49), seen(2, 50)),
        (calm(50), seen(2, 60)),
        (calm(50), seen(2, 65)),
        (calm(60), seen(2, 60)),
        (calm(50),),
        (),
    ):
        shown.append(state.payloads(showing(*faces))["/state"])
    assert shown == ["calm", "calm", "glad", "glad", "glad", "calm", "none"]


def test_leaving_sends_the_last_and_says_offline(
    broker: Broker, warnings: Callable[[], list[str]]
) -> None:
    broker.start()
    with Listener(broker.port) as listener:
        with output_at(broker) as output:
            output.write(FRAME, showing(seen(1, 30), events=[event("started", 1)]))
            output.finish(Analysis(events=[ended(1)]))
        assert (output.delivered, output.dropped) == (2, 0)
        listener.wait_for("availability", "offline")
        listener.wait_for("state", "none")
        assert listener.messages[-1][:2] == (f"{BASE}/availability", "offline")
    assert not [thread for thread in threading.enumerate() if "fer-edge" in thread.name]
    assert warnings() == []


KILLED = """
import sys
from fer_edge.outputs.mqtt.output import MqttSettings, MqttOutput
from fer_edge.outputs.stamp import Stamp
from fer_edge.inference.models import ModelFacts
settings, model = MqttSettings("127.0.0.1", int(sys.argv[1]), "hall"), ModelFacts("m", "", ())
with MqttOutput(settings, lambda: model, Stamp("hall")):
    sys.stdin.read()
"""


def test_a_runner_that_dies_is_offline(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener:
        command = [sys.executable, "-c", KILLED, str(broker.port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as runner:
            try:
                listener.wait_for("availability", "online")
            finally:
                runner.kill()
        listener.wait_for("availability", "offline")
    with Listener(broker.port) as late:
        late.wait_for("availability", "offline")
