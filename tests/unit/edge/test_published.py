"""Bundles that are published for a fleet, as one device takes them; no broker, no thread."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")

from commands import call_here
from fer_core.bundle import MOST_MODEL_BYTES, ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_edge.deployment.announcement import (
    EVERYBODY,
    Announcement,
    Signed,
    announced_at,
    signed_payload,
)
from fer_edge.deployment.folder import ModelFolder
from fer_edge.deployment.intake import ModelIntake
from fer_edge.deployment.published import BUSY_TRIES, PublishedBundles
from fer_edge.deployment.published_record import MOST_TRIES, RECORD_FILE, PublishedRecord
from fer_edge.deployment.signing.keys import SigningKey, check_public_key
from fer_edge.deployment.signing.trusted import TrustedKeys
from fer_edge.deployment.state import ON_TRIAL, DeploymentState
from fer_edge.fleet.push import next_number
from fer_edge.inference.models import shipped_models
from fer_edge.outputs.mqtt.client import MOST_MESSAGE_BYTES
from new_models import renamed


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.make(tmp_path_factory.mktemp("key") / "fleet.pem")


class Publisher:
    """Publishes to one device as a broker does, and keeps what it asks for."""

    def __init__(
        self,
        folder: Path,
        key: SigningKey,
        check: Callable[[Path], ModelBundle] = ModelBundle.load,
    ) -> None:
        self.folder, self.key = ModelFolder(folder), key
        self.paused = self.ends_trial_after = 0
        self.later: list[Callable[[], None]] | None = None
        intake = ModelIntake(self.folder, check)
        self.bundles = PublishedBundles(
            "hall", key.public, intake, PublishedRecord(folder), self._beside, self._pause
        )

    def _beside(self, work: Callable[[], None]) -> None:
        if self.later is None:
            work()
        else:
            self.later.append(work)

    def _pause(self, seconds: float) -> None:
        self.paused += 1
        if self.paused == self.ends_trial_after:
            self.folder.change(DeploymentState.kept)

    def announce(self, announcement: Announcement, at: str | None = None) -> None:
        topic = announced_at(announcement.device if at is None else at)
        self.bundles.take(topic, signed_payload(announcement, self.key))

    def publish(self, bundle: ModelBundle, number: int, device: str = EVERYBODY) -> None:
        content = bundle.to_bytes()
        announcement = announced(bundle, number, device)
        self.announce(announcement)
        if announcement.content_topic in self.bundles.topics:
            self.bundles.take(announcement.content_topic, content)

    @property
    def told(self) -> tuple[int, str, str]:
        report = self.bundles.report()
        return report.number, report.state, report.why

    @property
    def running(self) -> str:
        return self.folder.state().running.facts.name


def announced(bundle: ModelBundle, number: int, device: str = EVERYBODY) -> Announcement:
    content = bundle.to_bytes()
    sha256, network = (hashlib.sha256(each).hexdigest() for each in (content, bundle.model))
    return Announcement(bundle.name, network, sha256, len(content), device, number)


@pytest.fixture
def publisher(tmp_path: Path, key: SigningKey) -> Publisher:
    tmp_path.joinpath("models").mkdir()
    return Publisher(tmp_path / "models", key)


ANNOUNCEMENTS = {"fer-edge/bundle", "fer-edge/hall/bundle"}


def test_a_signed_bundle_of_other_labels_is_put_on_trial(
    publisher: Publisher, nano: ModelBundle
) -> None:
    assert publisher.bundles.topics == ANNOUNCEMENTS
    assert publisher.bundles.most_bytes == MOST_MESSAGE_BYTES
    mine = renamed(nano, "mine")
    publisher.announce(wanted := announced(mine, 5))
    assert publisher.bundles.topics == {*ANNOUNCEMENTS, wanted.content_topic}
    assert publisher.bundles.most_bytes == MOST_MESSAGE_BYTES + wanted.size
    assert publisher.told == (5, "fetching", "")
    publisher.bundles.take(wanted.content_topic, mine.to_bytes())
    assert publisher.bundles.topics == ANNOUNCEMENTS
    assert publisher.told == (5, "taken", "")
    state = publisher.folder.state()
    assert (state.state, state.running.facts.labels[0]) == (ON_TRIAL, "my-angry")


def test_one_for_this_device_alone_is_taken(publisher: Publisher, nano: ModelBundle) -> None:
    publisher.publish(renamed(nano, "mine"), 5, "hall")
    assert (publisher.told, publisher.running) == ((5, "taken", ""), "mine-int8")


def test_one_that_runs_already_counts_as_taken(publisher: Publisher, nano: ModelBundle) -> None:
    mine = renamed(nano, "mine")
    publisher.publish(mine, 5, "hall")
    publisher.folder.change(DeploymentState.kept)
    publisher.publish(mine, 6)  # first one device, then all
    assert (publisher.told, publisher.running) == ((6, "taken", ""), "mine-int8")


def test_a_stranger_adds_no_line_to_the_log(publisher: Publisher, tmp_path: Path) -> None:
    name = "it\nfer-edge: all is well"
    signed = Announcement(name, "ab" * 32, "cd" * 32, 10, EVERYBODY, 5)
    theirs = SigningKey.make(tmp_path / "theirs.pem")
    publisher.bundles.take(announced_at(EVERYBODY), signed_payload(signed, theirs))
    assert publisher.told[2] == r"it\nfer-edge: all is well is not signed by the key of fleet_key"


def test_an_older_or_repeated_bundle_is_not_taken_again(
    publisher: Publisher, nano: ModelBundle, key: SigningKey
) -> None:
    mine = renamed(nano, "mine")
    publisher.publish(mine, 5)
    publisher.folder.change(lambda state: state.kept().back())
    for number in (5, 4):
        publisher.publish(renamed(nano, "replayed"), number)
        assert publisher.bundles.topics == ANNOUNCEMENTS
    again = Publisher(publisher.folder.path, key)  # after a new start
    again.publish(renamed(nano, "replayed"), 5)
    assert again.told == (5, "taken", "")
    assert again.running != "replayed-int8"


def test_a_wrong_signature_is_refused_before_a_file_is_asked_for(
    publisher: Publisher, nano: ModelBundle, tmp_path: Path
) -> None:
    right = signed_payload(announced(nano, 5), publisher.key)
    theirs = signed_payload(announced(nano, 6), SigningKey.make(tmp_path / "theirs.pem"))
    signature, _, text = right.partition(b"\n")
    changed = text.replace(b'"number": 5', b'"number": 9')
    assert changed != text
    unsigned = b"A" * 88
    for payload in (theirs, signature + b"\n" + changed, unsigned + b"\n" + text):
        publisher.bundles.take("fer-edge/bundle", payload)
        assert publisher.bundles.topics == ANNOUNCEMENTS
        assert "is not signed by the key of fleet_key" in publisher.told[2]
    publisher.publish(renamed(nano, "mine"), 7)  # and the right one still is taken
    assert publisher.told == (7, "taken", "")


@pytest.mark.parametrize(
    "payload",
    [b"\xff" * 200, b"A" * 88, b"A" * 88 + b"\n[]", b"A" * 88 + b"\n" + b"[" * 60_000, b"{}"],
)
def test_garbage_is_refused(publisher: Publisher, payload: bytes) -> None:
    publisher.bundles.take("fer-edge/bundle", payload)
    assert publisher.told[:2] == (0, "refused")
    assert publisher.bundles.topics == ANNOUNCEMENTS


@pytest.mark.parametrize(
    "change",
    [
        {"size": MOST_MODEL_BYTES + 1},
        {"size": 0},
        {"sha256": "../../etc/passwd"},
        {"sha256": "#"},
        {"network": "AB" * 32},
        {"number": 2**53 + 1},
        {"number": 0},
        {"device": "+"},
    ],
)
def test_a_signed_announcement_beyond_its_bounds_is_refused(
    publisher: Publisher, nano: ModelBundle, change: dict[str, object]
) -> None:
    publisher.announce(replace(announced(nano, 5), **change), at=EVERYBODY)  # type: ignore[arg-type]
    assert publisher.told[:2] == (0, "refused")
    assert publisher.bundles.topics == ANNOUNCEMENTS


def test_much_garbage_is_logged_once(
    publisher: Publisher, nano: ModelBundle, warnings: Callable[[], list[str]]
) -> None:
    for number in range(5):
        publisher.bundles.take("fer-edge/bundle", b"A" * 88 + b"\n" + b"[" * number)
    assert len(warnings()) == 1
    publisher.publish(renamed(nano, "mine"), 5)
    publisher.bundles.take("fer-edge/bundle", b"")
    publisher.bundles.take("fer-edge/bundle", b"garbage")
    assert [line.partition(":")[0] for line in warnings()[1:]] == [
        "the bundle mine-int8 " + nano.manifest.sha256[:12] + " was published, and is taken",
        "a published bundle is refused",
    ]


def test_one_for_another_device_is_refused(publisher: Publisher, nano: ModelBundle) -> None:
    publisher.announce(announced(nano, 5, "door"), at="hall")
    assert publisher.told == (0, "refused", "a bundle for door came as one for us")
    publisher.announce(announced(nano, 5), at="hall")
    assert publisher.told == (0, "refused", "a bundle for all devices came as one for us")


def test_a_file_that_is_not_the_signed_one_is_refused(
    publisher: Publisher, nano: ModelBundle
) -> None:
    wanted = announced(nano, 5)
    for content, why in [
        (nano.to_bytes()[:-1], "is not the one that was signed"),
        (nano.to_bytes()[:-1] + b"!", "is not the one that was signed"),
        (b"", "is no longer at the broker"),
    ]:
        publisher.announce(replace(wanted, number=publisher.told[0] + 1))
        publisher.bundles.take(wanted.content_topic, content)
        assert publisher.told[1] == "refused"
        assert why in publisher.told[2]
    assert publisher.folder.files() == []


def test_one_of_an_unknown_maker_is_refused_though_the_fleet_s_key_published_it(
    publisher: Publisher, nano: ModelBundle
) -> None:
    keys = TrustedKeys(publisher.folder.path)
    keys.trust("release")
    publisher.publish(renamed(nano, "mine"), 5)
    number, state, why = publisher.told
    assert (number, state) == (5, "refused")
    assert why.startswith("the model is not signed. Sign it where it was made:")
    content = shipped_models()["fer-nano"].read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    wanted = replace(announced(nano, 6), sha256=sha256, size=len(content))
    publisher.announce(wanted)
    publisher.bundles.take(wanted.content_topic, content)
    assert publisher.told == (6, "taken", "")


def test_a_message_that_is_too_large_ends_the_listening(
    publisher: Publisher, nano: ModelBundle
) -> None:
    publisher.announce(announced(nano, 5))
    publisher.bundles.too_large()
    assert publisher.bundles.topics == frozenset()
    assert "larger than it may be" in publisher.told[2]


def test_a_larger_file_that_was_wanted_before_may_still_come(
    publisher: Publisher, nano: ModelBundle
) -> None:
    older = replace(announced(nano, 5), sha256="0" * 64, size=1_200_000)
    publisher.announce(older)
    assert older.content_topic in publisher.bundles.topics
    newer = announced(nano, 6, "hall")
    publisher.announce(newer)
    assert publisher.bundles.most_bytes > older.size
    publisher.bundles.take(older.content_topic, bytes(older.size))
    publisher.bundles.take(newer.content_topic, nano.to_bytes())
    assert publisher.told == (6, "taken", "")


def test_what_the_checks_refuse_is_told_and_not_tried_again(
    tmp_path: Path, key: SigningKey, nano: ModelBundle
) -> None:
    def refuse(file: Path) -> ModelBundle:
        raise FerError("it gives the same answer for 7 different faces")

    publisher = Publisher(tmp_path, key, refuse)
    for _ in range(2):
        publisher.publish(nano, 5)
        assert publisher.told == (5, "refused", "it gives the same answer for 7 different faces")
        publisher = Publisher(tmp_path, key)
    assert publisher.told[1] == "refused"


def test_a_check_that_ends_the_process_is_begun_anew_a_few_times(
    tmp_path: Path, key: SigningKey, nano: ModelBundle
) -> None:
    class Killed(BaseException):
        pass

    begun = []

    def kill(file: Path) -> ModelBundle:
        begun.append(file)
        raise Killed

    for _ in range(MOST_TRIES):
        with pytest.raises(Killed):
            Publisher(tmp_path, key, kill).publish(nano, 5)
    Publisher(tmp_path, key, kill).publish(nano, 5)
    assert len(begun) == MOST_TRIES
    Publisher(tmp_path, key).publish(renamed(nano, "mine"), 6)
    assert Publisher(tmp_path, key).told == (6, "taken", "")


def test_while_another_is_on_trial_it_waits(publisher: Publisher, nano: ModelBundle) -> None:
    with publisher.folder.held_by_this_run():
        publisher.publish(renamed(nano, "first"), 5)
        publisher.ends_trial_after = 3
        publisher.publish(renamed(nano, "mine"), 6)
        assert (publisher.paused, publisher.told) == (3, (6, "taken", ""))
        publisher.publish(renamed(nano, "later"), 7)
        assert publisher.paused == 3 + BUSY_TRIES
        assert publisher.told[:2] == (7, "refused")
        assert "mine-int8 is on trial" in publisher.told[2]
        assert publisher.running == "mine-int8"


def test_only_the_newest_of_several_is_checked(publisher: Publisher, nano: ModelBundle) -> None:
    publisher.later = []
    for number, name in [(5, "first"), (6, "second"), (7, "third")]:
        publisher.publish(renamed(nano, name), number)
    (work,) = publisher.later
    assert publisher.told == (7, "checking", "")
    work()
    assert (publisher.told, publisher.running) == ((7, "taken", ""), "third-int8")


def test_a_withdrawn_announcement_is_nothing(publisher: Publisher) -> None:
    publisher.bundles.take("fer-edge/bundle", b"")
    publisher.bundles.take("fer-edge/bundle/" + "ab" * 32, b"unasked")
    assert publisher.told == (0, "", "")


def test_a_record_that_cannot_be_read_lets_no_bundle_in(
    publisher: Publisher, key: SigningKey, nano: ModelBundle
) -> None:
    (publisher.folder.path / RECORD_FILE).write_text("{")
    damaged = Publisher(publisher.folder.path, key)
    assert damaged.bundles.topics == frozenset()
    assert RECORD_FILE in damaged.told[2]


def test_an_announcement_is_read_as_it_was_written(nano: ModelBundle, key: SigningKey) -> None:
    signed = Signed.read(signed_payload(announced(nano, 5, "hall"), key))
    assert signed.announcement == announced(nano, 5, "hall")
    assert signed.is_by(key.public)


def test_numbers_grow_though_a_clock_went_back(nano: ModelBundle) -> None:
    far = announced(nano, 10**15)
    assert next_number({"": far}, lambda: 1000.0) == 10**15 + 1
    assert next_number({}, lambda: 1000.0) == 1_000_000


def test_a_key_is_made_once_and_kept_secret(tmp_path: Path) -> None:
    first = call_here("fer-edge", "fleet", "key", "fleet.pem", cwd=tmp_path)
    line = first.stdout.strip()
    check_public_key(json.loads(line.removeprefix("fleet_key = ")))
    assert "is secret" in first.stderr
    file = tmp_path / "fleet.pem"
    assert file.stat().st_mode & 0o077 == 0
    assert call_here("fer-edge", "fleet", "key", "fleet.pem", cwd=tmp_path).stdout.strip() == line
    file.chmod(0o644)
    refused = call_here("fer-edge", "fleet", "key", "fleet.pem", cwd=tmp_path, code=1)
    assert "chmod 600" in refused.stderr
    for place, said in ((".", "cannot read the key"), ("photo.jpg", "holds no key")):
        (tmp_path / "photo.jpg").write_bytes(b"none")
        refused = call_here("fer-edge", "fleet", "key", place, cwd=tmp_path, code=1)
        assert said in refused.stderr
        assert "chmod" not in refused.stderr


@pytest.mark.parametrize("text", ["", "abc", "A" * 44, "A" * 43 + "\u00e9", "QQ=="])
def test_what_is_no_key_is_said(text: str) -> None:
    with pytest.raises(ArgumentError, match="fer-edge fleet key FILE"):
        check_public_key(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("push", "a.tflite", "--mqtt", "mqtt://127.0.0.1:1", "--key", "no.pem"), "makes one"),
        (("push", "a.tflite", "--mqtt", "http://broker", "--key", "no.pem"), "mqtt[s]://HOST"),
        (("--serve", "8090"), "--mqtt mqtt://HOST"),
        (("--mqtt", "mqtt://broker", "--serve", "0.0.0.0:8090"), "a token is needed"),
    ],
)
def test_a_wrong_command_says_what_to_type(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FER_EDGE_TOKEN", raising=False)
    code = 1 if "no.pem" in words and "http://broker" not in words else 2
    assert said in call_here("fer-edge", "fleet", *words, cwd=tmp_path, code=code).stderr
