"""What Home Assistant is told: entities that its schemas know, pictures and clips if asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_core.values import Frame, UInt8Array
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs.blur import Blur
from fer_edge.outputs.clips.folder import ClipFacts, ClipFolder
from fer_edge.outputs.mqtt.home_assistant import discovery, person_discovery
from fer_edge.outputs.mqtt.last_picture import LastPicture
from fer_edge.outputs.mqtt.output import MOST_PICTURES, MqttOutput
from fer_edge.outputs.mqtt.pictures import SharedPictures
from fer_edge.outputs.mqtt.sensors import Sensors
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.stamp import Stamp
from fer_edge.session.addresses import shared_pictures
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from mqtt_broker import (
    BASE,
    FRAME,
    Broker,
    Listener,
    event,
    hurried,
    model,
    seen,
    showing,
    wait_until,
)

KNOWN = json.loads(Path(__file__).with_name("home_assistant.json").read_text())
"""What the schemas of a Home Assistant know, by edge/studies/home_assistant.py."""
LABELS = ("calm", "glad")
PICTURES, CLIP = "image/hall/picture/config", "sensor/hall/clip/config"


def no_clip(camera: str) -> None:
    return None


def messages() -> dict[str, str]:
    cameras = ("", "door")
    told = discovery("hall", LABELS, "ha", cameras)
    told |= SharedPictures(True, no_clip).discovery("hall", "ha", cameras)
    return told | dict([person_discovery("hall", LABELS, "ha", "Zoë", "zo-c6a126")])


def unknown_keys(given: Mapping[str, Any], known: Mapping[str, Any]) -> set[str]:
    """Return the keys that a schema does not know, those of tables within it, too."""
    found = {*given} - {*known}
    for key, value in given.items():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                found |= unknown_keys(inner, known.get(key, {}))
    return found


@pytest.mark.parametrize("topic", messages())
def test_home_assistant_knows_every_key(topic: str) -> None:
    prefix, kind, node, _, last = topic.split("/")
    given = json.loads(messages()[topic])
    assert (prefix, node, last) == ("ha", "hall", "config")
    assert unknown_keys(given, KNOWN[kind]) == set()
    assert given.get("device_class", "enum") in KNOWN["device_class"]
    assert given.get("state_class", "measurement") in KNOWN["state_class"]
    assert ("options" in given) == (given.get("device_class") == "enum")
    assert "options" not in given or "state_class" not in given  # refused together
    topics = [value for key, value in given.items() if key.endswith("_topic")]
    assert all(each.startswith(BASE) and not set(each) & {"#", "+", " "} for each in topics)
    assert topics


def test_every_entity_has_an_id_of_its_own() -> None:
    ids = [json.loads(text)["unique_id"] for text in messages().values()]
    assert len(set(ids)) == len(ids) == 10


def test_what_was_not_asked_for_is_removed() -> None:
    told = SharedPictures().discovery("hall", "ha", ("",))
    assert told == {f"ha/{PICTURES}": "", f"ha/{CLIP}": ""}
    assert SharedPictures().clip_payloads(BASE, "") == {}
    assert json.loads(SharedPictures(True).discovery("hall", "ha", ("",))[f"ha/{PICTURES}"])


def test_who_is_known_is_not_in_sight_at_the_start_whatever_an_earlier_run_told() -> None:
    settings = MqttSettings("127.0.0.1", 1883, "hall")
    told = Sensors(settings, model, ("",), SharedPictures(), ("anna", "Zoë")).start()
    people = {topic: text for topic, text in told.items() if "/person/" in topic}
    assert people[f"{BASE}/person/anna/state"] == "none"
    assert [text for topic, text in people.items() if topic.endswith("/state")] == ["none"] * 2
    assert any("anna" in topic and topic.endswith("/config") for topic in told)


def output_with(broker: Broker, shared: SharedPictures) -> MqttOutput:
    settings = MqttSettings("127.0.0.1", broker.port, "hall")
    return hurried(MqttOutput(settings, model, Stamp("hall"), shared=shared))


def picture(payload: str) -> UInt8Array:
    raw = payload.encode(errors="surrogateescape")
    return np.asarray(cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def test_a_picture_of_each_change_is_sent_and_kept_by_nobody(broker: Broker) -> None:
    broker.start()
    noise = np.random.default_rng(0).integers(0, 256, (960, 1280, 3), np.uint8)
    with Listener(broker.port) as listener:
        with output_with(broker, SharedPictures(pictures=True)) as output:
            listener.wait_for("state", "none")
            faces = seen(1, 60)
            for at, kind in ((1.0, "started"), (1.5, "changed"), (3.0, ""), (4.0, "changed")):
                told = [event(kind, 1)] if kind else []
                output.write(Frame(noise, 0, at), showing(faces, events=told))
            output.write(Frame(noise, 0, 6.0), Analysis(events=(event("ended", 1, "none"),)))
            wait_until(lambda: len(listener.all("picture")) == 2)  # 1.5 comes too soon
        sent = [retained for topic, _, retained in listener.messages if topic.endswith("/picture")]
        assert sent == [False, False]
        assert picture(listener.all("picture")[0]).shape == (480, 640, 3)
    with Listener(broker.port) as late:
        late.wait_for("availability", "offline")
        assert late.all("picture") == []
    assert not output._halves


def test_no_picture_is_sent_unless_it_was_asked_for(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener, output_with(broker, SharedPictures()) as output:
        listener.wait_for("state", "none")
        output.write(FRAME, showing(seen(1, 60), events=[event("started", 1)]))
        wait_until(lambda: len(listener.all("event")) == 1)
        assert listener.all("picture") == []
        assert listener.last(f"homeassistant/{PICTURES}") == ""


def test_pictures_do_not_pile_up_at_a_broker_that_hangs(broker: Broker) -> None:
    broker.start()
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    with output_with(broker, SharedPictures(pictures=True)) as output:
        wait_until(output._is_settled)
        broker.freeze()
        for second in range(60):
            shown = showing(seen(1, 60), events=[event("changed", 1)] if second else [])
            output.write(Frame(noise, second, 2.0 * second), shown)
        waiting = sum(len(packet["packet"]) for packet in output._client._out_packet)
        assert waiting < (MOST_PICTURES + 1) * 400_000
        assert output._pictures_underway <= MOST_PICTURES
        broker.end()
        wait_until(lambda: output._away)
        assert output._pictures_underway == 0


def test_a_sent_picture_has_the_blur_of_all_others() -> None:
    """Two faces that differ within a block alone look the same in it, byte by byte."""
    one = np.full((240, 320, 3), 100, np.uint8)
    other = one.copy()
    other[::8, ::8], other[1::8, 1::8] = 120, 80
    face = seen(1, 60)
    face = replace(face, face=replace(face.face, box=replace(face.face.box, x=100, y=80)))
    shown = showing(face, events=[event("started", 1)])
    sent = []
    for pixels in (one, other):
        only_face = one.copy()
        only_face[80:140, 100:160] = pixels[80:140, 100:160]
        blurred = Blur("all")(Frame(only_face, 0, 0.0), shown)
        sent.append(LastPicture().of(blurred, shown))
    plain = LastPicture().of(Frame(other, 0, 0.0), shown)
    assert sent[0] == sent[1] != plain


def clip(label: str, person: str = "", whole: bool = True, camera: str = "") -> ClipFacts:
    time = "2026-11-27T16:00:00.000+00:00"
    return ClipFacts(f"20261127-160000-{label}.mp4", time, camera, label, person, 4.2, whole)


def test_the_newest_whole_clip_is_told(tmp_path: Path, broker: Broker) -> None:
    broker.start()
    folder = ClipFolder(tmp_path / "clips", 1 << 20)
    shared = SharedPictures(newest_clip=folder.newest, page="http://hall.local:8080/")
    with Listener(broker.port) as listener, output_with(broker, shared) as output:
        listener.wait_for("clip", "None")  # not known
        facts = clip("happy", "anna")
        folder.begin(facts)
        output.write(FRAME, Analysis())
        wait_until(output._is_settled)
        assert listener.all("clip") == ["None"]
        (folder.path / facts.file).write_bytes(b"x")
        folder.end(facts)
        output.write(FRAME, Analysis())
        listener.wait_for("clip", facts.time)
        assert json.loads(listener.last("clip/attributes") or "") == {
            "file": facts.file,
            "label": "happy",
            "person": "anna",
            "seconds": 4.2,
            "url": f"http://hall.local:8080/clips/video?file={facts.file}",
        }
        folder.remove(facts.file)
        output.write(FRAME, Analysis())
        listener.wait_for("clip", "None")
        listener.wait_for("clip/attributes", "{}")


def test_settings_ask_for_pictures_and_clips(tmp_path: Path) -> None:
    plain = EdgeConfig(camera="0", mqtt="mqtt://hall", clips="clips")
    folder = ClipFolder(tmp_path, 1)
    assert shared_pictures(plain, folder) == SharedPictures()
    both = replace(plain, mqtt_pictures=True, mqtt_clips=True)
    asked = shared_pictures(both, folder)
    assert (asked.pictures, asked.newest_clip, asked.page) == (True, folder.newest, "")
    assert RunOptions(both).stored()[-1] == "a picture of each change, sent to mqtt://hall"
    served = replace(both, serve="192.0.2.7:8080", token="AbCdEfGh" * 3 + "1x9")
    assert shared_pictures(served, folder).page == "http://192.0.2.7:8080/"
    for setting in ({"serve": "8080"}, {"serve_video": False}):
        assert shared_pictures(replace(served, **setting), folder).page == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mqtt_pictures": True}, "mqtt_pictures goes with mqtt"),
        ({"mqtt_clips": True, "mqtt": "mqtt://hall"}, "mqtt_clips goes with mqtt and clips"),
        ({"mqtt_clips": True, "clips": "clips"}, "mqtt_clips goes with mqtt and clips"),
    ],
)
def test_what_lacks_its_other_setting_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        EdgeConfig(camera="0", **settings)


def test_a_large_picture_is_made_smaller_and_a_small_one_stays() -> None:
    shown = showing(seen(1, 60), events=[event("started", 1)])
    for size, expected in (((2160, 3840), (360, 640)), ((120, 160), (120, 160))):
        jpeg = LastPicture().of(Frame(np.zeros((*size, 3), np.uint8), 0, 0.0), shown)
        assert jpeg
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1).shape[:2] == expected
