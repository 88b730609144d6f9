"""What a fleet knows of its devices from what a broker says, without one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fer_core.values import Gap
from fer_edge.deployment.announcement import Announcement, announced_at
from fer_edge.faces.analysis import Analysis
from fer_edge.fleet.devices import LATE_SECONDS
from fer_edge.fleet.fleet import MOST_DEVICES, Fleet
from fer_edge.fleet.push import _takers
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.mqtt.pictures import SharedPictures
from fer_edge.outputs.mqtt.report import (
    REPORT_SECONDS,
    TAKES_NONE,
    BundleReport,
    CameraReport,
    DeviceReport,
    Report,
    TrialReport,
)
from fer_edge.outputs.mqtt.sensors import Sensors
from fer_edge.outputs.mqtt.settings import MqttSettings
from mqtt_broker import FRAME, event, model

REPORT = Report(
    "0.9", 60, "test-int8", "ab" * 32, "kept", "", {"": CameraReport(600, 0.1)}, 51.0, "",
    {"events": 7}, BundleReport(),
)  # fmt: skip
WANTED = Announcement("test-int8", "ab" * 32, "cd" * 32, 1000, "", 5)


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fleet(clock: Clock) -> Fleet:
    fleet = Fleet(clock)
    fleet.connected()
    return fleet


def tell(fleet: Fleet, name: str, report: Report | None = REPORT, kept: bool = False) -> None:
    fleet.hear(f"fer-edge/{name}/availability", b"online", kept)
    if report:
        fleet.hear(f"fer-edge/{name}/report", report.to_json().encode(), kept)


def announce(fleet: Fleet, announcement: Announcement, at: str = "") -> None:
    text = json.dumps({each: getattr(announcement, each) for each in announcement.__slots__})
    fleet.hear(announced_at(at or announcement.device), b"A" * 88 + b"\n" + text.encode(), True)


def devices(fleet: Fleet, after: int = 0) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in fleet.news(after)["devices"]}


def judged(fleet: Fleet, name: str = "hall") -> list[str]:
    device = devices(fleet)[name]
    return [device["state"], *device["marks"]]


def test_a_fleet_of_no_devices_says_so(fleet: Fleet) -> None:
    news = fleet.news()
    assert (news["devices"], news["counts"], news["messages"]) == ([], {}, 0)
    assert news["broker"] == {"connected": True, "seconds": 0.0, "why": ""}


def test_a_device_is_alive_until_three_reports_are_missing(fleet: Fleet, clock: Clock) -> None:
    tell(fleet, "hall")
    tell(fleet, "door")
    clock.now += LATE_SECONDS
    tell(fleet, "door")
    assert judged(fleet) == ["alive"]
    clock.now += 0.1
    assert (judged(fleet), judged(fleet, "door")) == (["late"], ["alive"])
    tell(fleet, "hall")
    assert judged(fleet) == ["alive"]
    assert fleet.news()["counts"] == {"alive": 2}


def test_a_device_that_the_broker_has_lost_is_away_and_forgotten_once_no_topic_is_kept(
    fleet: Fleet,
) -> None:
    hot = replace(REPORT, temperature_celsius=95.0)
    tell(fleet, "hall", hot)
    fleet.hear("fer-edge/hall/availability", b"offline", False)
    assert judged(fleet) == ["away"]
    for topic in ("availability", "report"):
        fleet.hear(f"fer-edge/hall/{topic}", b"", False)
    assert judged(fleet) == ["gone"]
    assert fleet.news()["counts"] == {}


def blind_run() -> dict[str, str]:
    """Return what a run tells by topic whose only camera, without a name, gives no picture."""
    settings = MqttSettings("127.0.0.1", name="hall", discovery_prefix="ha")
    sensors = Sensors(settings, model, ("",), SharedPictures())
    report, told = DeviceReport("hall", model), sensors.start()
    for newest in (replace(FRAME, captured_at=0.0), Gap(REPORT_SECONDS)):
        told |= sensors.see(newest, Analysis()) | report.see(newest, Analysis())
    return told


def test_a_device_whose_only_camera_is_blind_is_alive(fleet: Fleet) -> None:
    for topic, payload in blind_run().items():
        if topic.endswith(("hall/availability", "hall/report")):  # as the fleet subscribes
            fleet.hear(topic, payload.encode(), False)
    assert judged(fleet) == ["alive", "no picture"]


def test_an_earlier_version_that_calls_itself_offline_without_pictures_is_alive(
    fleet: Fleet,
) -> None:
    blind = replace(REPORT, cameras={"": CameraReport(600, 20.0)})
    tell(fleet, "hall", kept=True)
    fleet.hear("fer-edge/hall/availability", b"offline", True)
    fleet.hear("fer-edge/hall/report", blind.to_json().encode(), True)
    assert judged(fleet) == ["away"]  # that may be old
    fleet.hear("fer-edge/hall/report", blind.to_json().encode(), False)
    assert judged(fleet) == ["alive", "no picture"]
    fleet.hear("fer-edge/hall/availability", b"offline", False)
    assert judged(fleet) == ["away"]


@pytest.mark.parametrize(
    ("changes", "marks"),
    [
        ({"temperature_celsius": 79.9}, []),
        ({"temperature_celsius": None}, []),
        ({"temperature_celsius": 80.0}, ["hot"]),
        ({"slowed": "under-voltage"}, ["hot"]),
        ({"cameras": {"door": CameraReport(9, 15.1), "desk": CameraReport(9, 0)}}, ["no picture"]),
        ({"model": "other-int8"}, ["wrong bundle"]),
        ({"sha256": "ef" * 32, "slowed": "throttled"}, ["hot", "wrong bundle"]),
    ],
)
def test_a_device_has_a_mark_for_what_is_wrong(
    fleet: Fleet, changes: dict[str, Any], marks: list[str]
) -> None:
    announce(fleet, WANTED)
    tell(fleet, "hall", replace(REPORT, **changes))
    assert judged(fleet) == ["alive", *marks]


def test_the_newest_bundle_for_a_device_is_the_right_one(fleet: Fleet) -> None:
    tell(fleet, "hall")
    tell(fleet, "door")
    assert judged(fleet) == ["alive"]  # nothing is published, so none is wrong
    announce(fleet, replace(WANTED, network="ef" * 32, device="hall", number=6))
    assert (judged(fleet), judged(fleet, "door")) == (["alive", "wrong bundle"], ["alive"])
    announce(fleet, replace(WANTED, number=7))
    assert judged(fleet) == ["alive"]
    fleet.hear("fer-edge/bundle", b"", False)
    assert judged(fleet) == ["alive", "wrong bundle"]
    fleet.hear("fer-edge/hall/bundle", b"", False)
    assert judged(fleet) == ["alive"]


def test_without_the_broker_time_stands_still(fleet: Fleet, clock: Clock) -> None:
    tell(fleet, "hall")
    clock.now += 10
    fleet.lost("the connection broke")
    clock.now += 3600
    fleet.lost("refused")
    assert judged(fleet) == ["alive"]
    assert fleet.news()["broker"] == {"connected": False, "seconds": 3600.0, "why": "refused"}
    fleet.connected()
    clock.now += LATE_SECONDS
    assert judged(fleet) == ["alive"]
    tell(fleet, "hall", kept=True)  # what a broker had kept is not news
    clock.now += 0.1
    assert judged(fleet) == ["late"]


def test_what_the_broker_had_kept_is_not_taken_for_new(fleet: Fleet) -> None:
    tell(fleet, "hall", kept=True)
    assert devices(fleet)["hall"]["heard_seconds"] is None
    tell(fleet, "hall")
    assert devices(fleet)["hall"]["heard_seconds"] == 0.0


def test_a_viewer_gets_what_has_changed_alone(fleet: Fleet, clock: Clock) -> None:
    for name in ("hall", "door"):
        tell(fleet, name)
    seen = fleet.news()["number"]
    assert devices(fleet, seen) == {}
    tell(fleet, "door")
    assert set(devices(fleet, seen)) == {"door"}
    seen = fleet.news()["number"]
    clock.now += LATE_SECONDS + 1  # time alone changes both
    assert set(devices(fleet, seen)) == {"door", "hall"}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("fer-edge/hall/report", b"\xff\x00"),
        ("fer-edge/hall/report", b"[]"),
        ("fer-edge/hall/report", b'{"version": 1}'),
        ("fer-edge/hall/report", REPORT.to_json().replace("51.0", "NaN").encode()),
        ("fer-edge/hall/report", REPORT.to_json().replace("51.0", "1e999").encode()),
        ("fer-edge/hall/report", REPORT.to_json().replace("0.9", "9" * 301).encode()),
        ("fer-edge/hall/report", b" " * 20_000 + REPORT.to_json().encode()),
        ("fer-edge/hall/report", b"[" * 10_000),
        ("fer-edge/hall/availability", b"perhaps"),
        ("fer-edge/Hall/availability", b"online"),
        ("fer-edge/" + "a" * 300 + "/availability", b"online"),
        ("fer-edge/<b>/availability", b"online"),
        ("fer-edge/bundle", b"no signature"),
        ("fer-edge/bundle", b"A" * 88 + b"\n{}"),
        ("elsewhere", b""),
    ],
)
def test_garbage_is_counted_and_changes_nothing(fleet: Fleet, topic: str, payload: bytes) -> None:
    tell(fleet, "door")
    before = devices(fleet)
    fleet.hear(topic, payload, False)
    assert devices(fleet) == before
    assert fleet.news()["strange"] == 1
    assert fleet.published() == {}


def test_a_bundle_for_another_is_not_believed(fleet: Fleet) -> None:
    announce(fleet, WANTED, at="hall")
    assert fleet.published() == {}


def test_there_is_a_most_of_devices(fleet: Fleet) -> None:
    for number in range(MOST_DEVICES + 5):
        fleet.hear(f"fer-edge/d{number}/availability", b"online", False)
    news = fleet.news()
    assert (len(news["devices"]), news["strange"]) == (MOST_DEVICES, 5)


def test_a_device_without_reports_is_shown(fleet: Fleet) -> None:
    tell(fleet, "hall", None)
    assert devices(fleet)["hall"] == {
        "name": "hall", "state": "alive", "marks": [], "heard_seconds": 0.0,
    }  # fmt: skip


def reports(device: DeviceReport, at: float) -> list[Report]:
    told = device.see(replace(FRAME, captured_at=at), Analysis())
    assert set(told) <= {"fer-edge/hall/report"}
    return [Report.from_json(text.encode(), "it") for text in told.values()]


def test_a_device_reports_every_half_minute_and_when_its_model_changes() -> None:
    models = [model()]
    trials = [TrialReport("kept")]
    report = DeviceReport(
        "hall", lambda: models[-1], lambda: trials[-1], lambda: {"frames_dropped": 3}
    )
    (first,) = reports(report, 100.0)
    assert (first.model, first.trial, first.counts["frames_dropped"]) == ("test-int8", "kept", 3)
    assert not any(reports(report, 100.0 + second) for second in range(1, 30))
    (second,) = reports(report, 100.0 + REPORT_SECONDS)
    assert (second.uptime_seconds, second.cameras[""].frames) == (30, 31)
    models.append(ModelFacts("other", "ef" * 32, ()))
    assert reports(report, 130.5) == []
    (third,) = reports(report, 131.0)
    assert (third.model, third.sha256) == ("other", "ef" * 32)
    trials.append(TrialReport("taken back", "slow " * 500))
    (fourth,) = reports(report, 132.5)
    assert fourth.why == ("slow " * 60)[:300]


def test_a_camera_that_gives_nothing_is_told_beside_one_that_does() -> None:
    report = DeviceReport("hall", model, temperature=lambda: 51.5, slowed=lambda: "throttled")
    report.see(replace(FRAME, captured_at=0.0, camera="door"), Analysis())
    report.see(
        replace(FRAME, captured_at=29.0, camera="desk"), Analysis(events=[event("started", 1)])
    )
    text = report.see(Gap(REPORT_SECONDS, camera="door"), Analysis())["fer-edge/hall/report"]
    told = Report.from_json(text.encode(), "it")
    assert told.cameras == {"door": CameraReport(1, 30.0), "desk": CameraReport(1, 1.0)}
    assert (told.temperature_celsius, told.slowed, told.counts) == (
        51.5,
        "throttled",
        {"events": 1},
    )


def test_a_clock_that_falls_back_does_not_silence_a_device() -> None:
    report = DeviceReport("hall", model)
    assert reports(report, 1000.0)
    assert reports(report, 5.0)


def test_why_a_device_takes_no_bundles_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from fer_edge.deployment.folder import ModelFolder
    from fer_edge.session.config import EdgeConfig
    from fer_edge.session.fleet import device_report, published_bundles

    def told(folder: ModelFolder | None, key: str) -> BundleReport:
        settings = EdgeConfig(camera="0", fleet_key=key)
        run: Any = SimpleNamespace(
            options=SimpleNamespace(settings=settings),
            model=SimpleNamespace(folder=folder, facts=model),
            counts=lambda: {"frames_dropped": {"door": 1, "desk": 2}},
            slowed=str,
        )
        (report,) = reports(device_report(run, "hall", published_bundles(run, "hall")), 0.0)
        assert report.counts["frames_dropped"] == 3
        return report.bundle

    monkeypatch.setattr("fer_edge.session.fleet.require_cryptography", lambda: None)
    no_folder, no_key = told(None, "A" * 43 + "="), told(ModelFolder(tmp_path), "")
    assert (no_folder.state, no_key.state) == (TAKES_NONE, TAKES_NONE)
    assert "--models FOLDER" in no_folder.why
    assert "fer-edge fleet key FILE" in no_key.why
    assert told(ModelFolder(tmp_path), "A" * 43 + "=") == BundleReport()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    no_package = told(ModelFolder(tmp_path), "A" * 43 + "=")
    assert no_package.state == TAKES_NONE
    assert "pip install '.[fleet]'" in no_package.why


def test_who_publishes_is_told_which_devices_take_none(fleet: Fleet) -> None:
    tell(fleet, "hall", replace(REPORT, bundle=BundleReport(WANTED.number, "fetching")))
    tell(fleet, "later", replace(REPORT, bundle=BundleReport(WANTED.number + 1, "taken")))
    tell(fleet, "none", replace(REPORT, bundle=BundleReport(0, TAKES_NONE, "no key")))
    tell(fleet, "old", None)  # it sends no reports
    clock_is_wrong = "it has had a newer one: is this computer's clock right?"
    assert _takers(fleet, WANTED) == {
        "hall": "",
        "later": clock_is_wrong,
        "none": "no key",
        "old": "",
    }
    assert _takers(fleet, replace(WANTED, device="later")) == {"later": clock_is_wrong}
