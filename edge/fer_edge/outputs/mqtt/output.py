"""MQTT: the expression as a sensor of Home Assistant, and every event as a message."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs import Output
from fer_edge.outputs.mqtt.client import mqtt_client, queue_is_full
from fer_edge.outputs.mqtt.inbox import EmptyInbox, Inbox, Subscriptions
from fer_edge.outputs.mqtt.last_picture import LastPicture
from fer_edge.outputs.mqtt.pictures import SharedPictures, picture_topic
from fer_edge.outputs.mqtt.report import DeviceReport
from fer_edge.outputs.mqtt.sensors import Sensors
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.mqtt.steadiness import LONGEST_WAIT_SECONDS, Steadiness
from fer_edge.outputs.stamp import Stamp

QUEUED_MESSAGES = 1000
CLOSING_SECONDS = 2.0
MOST_PICTURES = 4
"""How many pictures may be on their way at once; of what comes more none is sent."""
_EVENT, _RETAINED, _PICTURE, _ACKNOWLEDGED = "event", "retained", "picture", "acknowledged"
log = logging.getLogger(__name__)


class MqttOutput(Output):
    """Keeps a broker told while there is one, and never waits for it while there is none.

    `delivered` counts the events that the broker has acknowledged, `dropped` those it has not.
    What is retained is sent anew only when all of it is acknowledged: paho resends what an outage
    left unacknowledged, and an old state must not come after the newest.
    """

    def __init__(
        self,
        settings: MqttSettings,
        model: Callable[[], ModelFacts],
        stamp: Stamp,
        cameras: Sequence[str] = ("",),
        report: DeviceReport | None = None,
        inbox: Inbox | None = None,
        shared: SharedPictures = SharedPictures(),  # noqa: B008  # it is frozen
        people: Sequence[str] = (),
    ) -> None:
        """Prepare the client; the broker is looked for when entering.

        Args:
            settings: Where the broker is.
            model: Returns which bundle classifies now.
            stamp: Tells when events were.
            cameras: What the run calls its cameras; one without a name is "".
            report: What the device tells of itself, if anything.
            inbox: What it reads, if anything.
            shared: What is told of pictures.
            people: The names of who is known.

        Raises:
            FerError: paho-mqtt is missing.
        """
        inbox = inbox or EmptyInbox()
        # The id is always the same, so that a lost connection's will comes before its successor.
        self._client = mqtt_client(
            f"fer-edge-{settings.name}", settings, lambda: inbox.most_bytes, inbox.too_large
        )
        self._subscriptions = Subscriptions(self._client, inbox)
        self._stamp, self._report = stamp, report
        self.delivered = self.dropped = self._underway = 0
        self._broker = f"{settings.host}:{settings.port}"
        self._sensors = Sensors(settings, model, cameras, shared, people)
        self._base, self._known = self._sensors.topic, self._sensors.start()
        self._sent: dict[str, str] = {}
        self._halves: dict[int, str] = {}
        self._last_picture = LastPicture() if shared.pictures else None
        self._pictures_underway = 0
        self._online = self._away = self._refused = self._full = self._closing = False
        self._lock = threading.Condition()  # never held while calling paho, which has locks too
        self._steadiness = Steadiness()
        self._prepare(settings)

    def _prepare(self, settings: MqttSettings) -> None:
        client = self._client
        client.max_queued_messages_set(QUEUED_MESSAGES)
        client.reconnect_delay_set(1, LONGEST_WAIT_SECONDS)
        client.will_set(f"{self._base}/availability", "offline", qos=1, retain=True)
        client.on_connect = lambda _c, _d, _f, code, _p: self._answered(code.is_failure, str(code))
        client.on_disconnect = lambda *_: self._lost("the connection broke")
        client.on_connect_fail = lambda *_: self._lost(sys.exc_info()[1])  # called in its `except`
        client.on_publish = lambda _client, _data, mid, *_: self._settle(mid, _ACKNOWLEDGED)
        client.connect_async(settings.host, settings.port, keepalive=30)

    def __enter__(self) -> MqttOutput:
        self._client.loop_start()
        return self

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Send the frame's events, and what else has changed."""
        self._stamp.see(frame)
        self._tell(seen, self._news(frame, seen))
        if self._last_picture and (jpeg := self._last_picture.of(frame, seen)):
            self._send_picture(picture_topic(self._sensors.camera_topic(frame.camera)), jpeg)

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Send what the gap has ended, and that this camera is blind once it lasts."""
        self._stamp.see(gap)
        self._tell(seen, self._news(gap, seen))

    def finish(self, seen: Analysis) -> None:
        """Send the last events, and that nobody is left."""
        self._tell(seen, self._sensors.nobody())

    def __exit__(self, *raised: object) -> None:
        """Send what is left and that this device goes; take CLOSING_SECONDS at most."""
        with self._lock:
            self._lock.wait_for(self._is_settled, CLOSING_SECONDS / 2)
            self._closing = True
        self._client.publish(f"{self._base}/availability", "offline", retain=True)
        self._client.disconnect()
        stopping = threading.Thread(target=self._stop, daemon=True)
        stopping.start()
        stopping.join(CLOSING_SECONDS / 2)
        with self._lock:
            left = list(self._halves.values()).count(_EVENT)
            self._halves.clear()
            self.dropped += left
        if left:
            log.warning("the MQTT broker %s has not got %d events", self._broker, left)

    def _stop(self) -> None:
        with contextlib.suppress(AttributeError):  # paho forgets its thread once that has ended
            self._client.loop_stop()

    def _is_settled(self) -> bool:
        return self._away or not (self._halves or self._underway or self._sent != self._known)

    def _news(self, newest: Frame | Gap, seen: Analysis) -> dict[str, str]:
        report = self._report.see(newest, seen) if self._report else {}
        return {**self._sensors.see(newest, seen), **report}

    def _tell(self, seen: Analysis, known: Mapping[str, str]) -> None:
        if self._online and self._steadiness.settled():
            log.warning("the MQTT broker %s keeps this connection", self._broker)
            self._client.reconnect_delay_set(1, LONGEST_WAIT_SECONDS)
        for event in seen.events:
            stamp = self._stamp.facts(event.at, event.camera)
            self._publish(self._sensors.event_topic(event.camera), event.to_json(stamp), _EVENT)
        with self._lock:
            self._known.update(known)
        self._refresh()

    def _refresh(self) -> None:
        """Send what is retained and has changed, unless some of it is still on its way."""
        with self._lock:
            if not self._online or self._closing or self._underway:
                return
            news = {at: text for at, text in self._known.items() if self._sent.get(at) != text}
            self._sent.update(news)
            self._underway = len(news)
        for topic, payload in news.items():
            self._publish(topic, payload, _RETAINED)

    def _publish(self, topic: str, payload: str, kind: str) -> None:
        info = self._client.publish(topic, payload, qos=1, retain=kind == _RETAINED)
        if not queue_is_full(info.rc):
            self._settle(info.mid, kind)
            return
        with self._lock:
            if kind == _RETAINED:  # the next acknowledgement makes room and tries again
                self._sent.pop(topic, None)
                self._underway -= 1
                return
            said, self._full = self._full, True
            self.dropped += 1
        if not said:
            log.warning("%d messages wait for MQTT: newer events are dropped", QUEUED_MESSAGES)

    def _send_picture(self, topic: str, jpeg: bytes) -> None:
        """Send a picture that nobody keeps, unless others are still on their way."""
        with self._lock:
            if not self._online or self._closing or self._pictures_underway >= MOST_PICTURES:
                return
            self._pictures_underway += 1
        info = self._client.publish(topic, jpeg, qos=0)
        if info.rc == 0:
            self._settle(info.mid, _PICTURE)
            return
        with self._lock:
            self._pictures_underway = max(0, self._pictures_underway - 1)

    def _settle(self, mid: int, half: str) -> None:
        """Count a message once it is published and acknowledged, whichever is heard of first."""
        with self._lock:
            other = self._halves.pop(mid, None)
            if other is None:
                self._halves[mid] = half
            elif _EVENT in (half, other):
                self.delivered += 1
            elif _PICTURE in (half, other):
                self._pictures_underway -= 1
            else:
                self._underway -= 1
            self._full = self._full and bool(self._halves)
            self._lock.notify_all()
        self._refresh()

    def _answered(self, refused: bool, why: str) -> None:
        """Begin a connection with all that is retained, or say once that there is none."""
        with self._lock:
            said, back = self._refused, self._away
            self._online, self._refused, self._away = not refused, refused, refused
            self._sent.clear()
            if not refused:
                self._steadiness.connected()
        if refused and not said:
            told = "the MQTT broker %s refuses fer-edge (%s): see mqtt_user and mqtt_password"
            log.warning(told, self._broker, why, extra={"see": "mqtt-refused"})
        elif back and not refused and not self._steadiness.is_flapping:
            log.warning("the MQTT broker %s is back", self._broker)
        if self._closing:
            self._client.disconnect()
        elif not refused:
            self._subscriptions.begin()
        self._refresh()

    def _lost(self, why: object) -> None:
        with self._lock:
            said, was_online = self._away or self._closing, self._online
            self._online, self._away, self._pictures_underway = False, True, 0
            lost = [mid for mid, half in self._halves.items() if half == _PICTURE]
            for mid in lost:  # paho sends it no more
                del self._halves[mid]
            closes = was_online and not self._closing and self._steadiness.lost()
            self._lock.notify_all()
        if self._steadiness.is_flapping:
            self._client.reconnect_delay_set(self._steadiness.wait_seconds, LONGEST_WAIT_SECONDS)
        if closes:
            log.warning(
                "the MQTT broker %s ends every connection at once: does another device have the "
                "name %s (mqtt_name)? Retrying ever less often",
                self._broker,
                self._base.partition("/")[2],
            )
        elif not said and not self._steadiness.is_flapping:
            log.warning("the MQTT broker %s is away (%s); events wait", self._broker, why)
