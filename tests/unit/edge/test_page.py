import base64
import contextlib
import http.client
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import cv2
import numpy as np
import pytest

from commands import call_here
from fer_core import __version__
from fer_core.errors import ArgumentError, FerError
from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.inference.models import ModelFacts
from fer_edge.page import bounded, web
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.camera_view import STALE_SECONDS
from fer_edge.page.door import MOST_VIEWERS, Door
from fer_edge.page.metrics import metrics_text
from fer_edge.page.server import PageServer
from fer_edge.page.static_files import PAGE_FILES
from fer_edge.page.view import LiveView
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from fer_edge.session.secrets import load_with_secrets
from served_page import LABELS, LOOPBACK, TOKEN, Served


def write(view: LiveView, faces: int = 1, kind: str = "", gray: int = 90) -> None:
    prediction = Prediction(np.array([0.75, 0.25], np.float32), LABELS)
    frame = Frame(np.full((48, 64, 3), gray, np.uint8), 0, 0.0, "test")
    seen = [
        Observation(0, 0.0, Face(Box(5, 5, 20, 20), 1.0), prediction, track_id=track)
        for track in range(faces)
    ]
    events = [ExpressionEvent(kind, 0, "happy", 0.75, 0.0)] if kind else []
    view.write(frame, Analysis(seen, events))


def wait_until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture
def page() -> Iterator[Served]:
    served = Served()
    with served.server:
        yield served


@pytest.fixture
def locked() -> Iterator[Served]:
    served = Served(TOKEN)
    with served.server:
        yield served


def test_page_and_its_parts_are_served_and_nothing_else(page: Served) -> None:
    kinds = {"/": "text/html", "/page.css": "text/css"}
    kinds |= {"/page.js": "text/javascript", "/history.js": "text/javascript"}
    for path, kind in kinds.items():
        answer = page.ask(path)
        assert answer.status == 200
        assert str(answer.getheader("Content-Type")).startswith(kind)
        assert "default-src 'none'" in str(answer.getheader("Content-Security-Policy"))
        assert len(answer.read()) > 500
    for path in ("/../../../etc/passwd", "/%2e%2e/view.py", "/static/page.js", "/login.html"):
        answer = page.ask(path)
        assert answer.status == 404
        assert answer.read() == b"there is no such page\n"
    assert page.ask("/", "HEAD").read() == b""
    assert page.ask("/events", "HEAD").status == 405
    assert page.ask("/", "DELETE").status == 501


def documented_keys() -> dict[str, list[str]]:
    """Return the keys of /events, each with the keys that the page on it names."""
    file = Path(__file__).parents[3] / "docs" / "how-to" / "page.md"
    table = file.read_text(encoding="utf-8").partition("`data:` of `/events`")[2]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)
    return {key: re.findall(r"`([a-z]+)`", words) for key, words in rows}


def test_states_tell_of_faces_and_events(page: Served) -> None:
    write(page.view, kind="started")
    stream = page.ask("/events")
    state = json.loads(stream.readline().removeprefix(b"data: "))
    (face,), (event,) = state["faces"], state["events"]
    assert (face["label"], face["confidence"]) == ("happy", 0.75)
    assert face["probabilities"] == {"happy": 0.75, "<b>odd</b>": 0.25}
    assert (event["kind"], event["number"]) == ("started", 1)
    documented = documented_keys()
    assert state.keys() == documented.keys()
    assert list(face) == documented["faces"]
    assert list(event) == documented["events"]
    write(page.view, faces=0, kind="ended")
    page.view.idle(Gap(1.0), Analysis())
    stream.readline()
    state = json.loads(stream.readline().removeprefix(b"data: "))
    assert state["faces"] == []
    assert [event["number"] for event in state["events"]] == [2]  # each is told once
    assert json.loads(page.ask("/about").read())["colours"].keys() == set(LABELS)


def test_the_start_of_the_process_is_right_once_the_clock_is() -> None:
    """A Pi without a battery for its clock starts months ago, until it asks the network."""
    now, wall = 5.0, 1000.0
    view = LiveView(clock=lambda: now, wall=lambda: wall)
    now, wall = 65.0, 1060.0 + 90 * 86400
    text = metrics_text(view, {}, ModelFacts("test", "ab" * 32, LABELS))
    assert f"process_start_time_seconds {1000.0 + 90 * 86400}\n" in text


def test_one_stream_has_the_pictures_of_all_cameras() -> None:
    served = Served(view=LiveView(("door", "desk", "attic")))
    with served.server:
        stream = served.ask("/videos?viewer=mine")
        wait_until(lambda: served.view.viewers == 3)
        came = {}
        for camera, gray in (("door", 60), ("desk", 200)):
            pixels = np.full((48, 64, 3), gray, np.uint8)
            served.view.write(Frame(pixels, 0, 0.0, camera=camera), Analysis())
            told = json.loads(stream.readline().removeprefix(b"data: "))
            stream.readline()
            jpeg = np.frombuffer(base64.b64decode(told["jpeg"]), np.uint8)
            came[told["camera"]] = int(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[24, 32, 0])
        assert came == pytest.approx({"door": 60, "desk": 200}, abs=4)
        stream.close()
        wait_until(lambda: served.view.viewers == 0)


def test_viewers_of_many_pictures_leave_events_for_others(page: Served) -> None:
    pictures = [page.ask("/video") for _ in range(MOST_VIEWERS)]
    assert {each.status for each in pictures} == {200}
    assert page.ask("/video").status == 503
    assert page.ask("/events").status == 200


def test_the_picture_is_drawn_once_for_all_and_only_when_somebody_looks(
    page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    encode = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *given: (encoded.append(given), encode(*given))[1])
    write(page.view)
    assert encoded == []
    streams = [page.ask("/video") for _ in range(10)]
    wait_until(lambda: page.view.viewers == 10)
    write(page.view, gray=200)
    for stream in streams:
        stream.readline(), stream.readline()
        length = int(stream.readline().split(b":")[1])
        stream.readline()
        picture = cv2.imdecode(np.frombuffer(stream.read(length), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert abs(int(picture[-3, -3, 0]) - 200) < 4
    assert len(encoded) == 1
    for stream in streams:
        stream.close()
    write(page.view)
    wait_until(lambda: (write(page.view), page.view.viewers == 0)[1])


def test_a_slow_viewer_costs_nobody_anything(page: Served) -> None:
    slow = page.connect()
    slow.sendall(b"GET /video HTTP/1.0\r\nHost: localhost\r\n\r\n")  # and never reads
    wait_until(lambda: page.view.viewers == 1)
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    slowest = 0.0
    for index in range(60):
        started = time.perf_counter()
        page.view.write(Frame(noise, index, 0.0), Analysis())
        slowest = max(slowest, time.perf_counter() - started)
        time.sleep(0.005)
    assert slowest < 0.1
    assert page.ask("/healthz").read() == b"ok\nmodel test-int8 abababababab\n"
    slow.close()


def test_numbers_only() -> None:
    served = Served(video=False)
    with served.server:
        assert served.ask("/video").status == 404
        assert json.loads(served.ask("/about").read())["video"] is False


def test_health_follows_the_frames() -> None:
    now = [0.0]
    served = Served()
    served.view._cameras[""]._clock = lambda: now[0]
    served.view._cameras[""]._born = 0.0
    with served.server:
        write(served.view)
        now[0] = STALE_SECONDS
        assert served.ask("/healthz").status == 200
        now[0] += 1
        answer = served.ask("/healthz")
        assert (answer.status, answer.read()) == (
            503,
            b"no frame for 16 s\nmodel test-int8 abababababab\n",
        )


def test_metrics_are_in_the_format_of_prometheus(page: Served) -> None:
    write(page.view, faces=2, kind="started")
    text = page.ask("/metrics").read().decode()
    assert "fer_edge_frames_total 1\n" in text
    assert "fer_edge_faces 2\n" in text
    assert "fer_edge_camera_up 1\n" in text
    assert 'fer_edge_events_total{kind="started"} 1\n' in text
    assert f'fer_edge_build_info{{version="{__version__}"}} 1\n' in text
    assert 'fer_edge_model_info{model="test-int8",sha256="abababababab"} 1\n' in text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) == len({line.split(" ")[0] for line in lines})
    assert all(float(line.split(" ")[1]) >= 0 for line in lines)
    named = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {line.split(" ")[0].partition("{")[0] for line in lines} == named
    assert float(re.findall("^process_resident_memory_bytes (.*)", text, re.M)[0]) > 1e7


def test_a_name_that_is_no_utf8_is_told_as_it_can_be() -> None:
    served = Served(view=LiveView(("b\udce4r", "desk")))
    with served.server:
        for path in ("/metrics", "/healthz"):
            assert "b\N{REPLACEMENT CHARACTER}r" in served.ask(path).read().decode()


def test_metrics_tell_how_long_each_expression_was_seen() -> None:
    odd = 'd"o\\or'
    served = Served(view=LiveView(("desk", odd)))
    happy = Prediction(np.array([0.75, 0.25], np.float32), LABELS)
    other = Prediction(np.array([0.25, 0.75], np.float32), LABELS)

    def see(at: float, *faces: Prediction, camera: str = "desk") -> None:
        seen = tuple(
            Observation(0, at, Face(Box(5, 5, 20, 20), 1.0), each, track, camera=camera)
            for track, each in enumerate(faces)
        )
        frame = Frame(np.zeros((48, 64, 3), np.uint8), 0, at, camera=camera)
        served.view.write(frame, Analysis(seen, present=seen))

    see(10.0, happy, other)
    see(10.5, happy, other)  # half a second of both
    see(20.0, happy)  # a pause counts a second at most; who went meanwhile, as in a history, none
    see(21.0)
    see(21.25, happy)
    served.view.idle(Gap(21.5, camera="desk"), Analysis())  # a slow camera is no absence
    see(21.75, other)
    see(5.0, other)  # a clock that falls back
    see(1.0, camera=odd)
    with served.server:
        text = served.ask("/metrics").read().decode()
    samples = re.findall(r"^fer_edge_expression_seconds_total(.*)", text, re.M)
    assert samples == [
        '{camera="desk",label="happy"} 2.0',
        '{camera="desk",label="<b>odd</b>"} 0.5',
        r'{camera="d\"o\\or",label="happy"} 0.0',
        r'{camera="d\"o\\or",label="<b>odd</b>"} 0.0',
    ]


def test_other_names_for_this_computer_are_refused(page: Served) -> None:
    assert page.ask("/", Host="localhost:8080").status == 200
    assert page.ask("/", Host="[::1]:8080").status == 200
    for host in ("evil.example", "127.0.0.1.evil.example", ""):
        assert page.ask("/", Host=host).status == 403
    assert page.server.refused == 3


def test_without_the_token_nothing_is_shown(locked: Served) -> None:
    for path in ("/events", "/video", "/videos", "/metrics", "/about", "/page.js", "/nowhere"):
        refusal = locked.ask(path)
        assert (refusal.status, refusal.read()) == (401, b"a token is needed\n")
    answer = locked.ask("/")
    assert answer.status == 401
    assert b"Token" in answer.read()
    assert locked.ask("/healthz").read() == b"ok\nmodel test-int8 abababababab\n"
    assert locked.ask("/metrics", Authorization=f"Bearer {TOKEN}").status == 200
    assert locked.ask("/metrics", Authorization=f"Bearer {TOKEN}x").status == 401
    assert locked.ask("/metrics", Cookie=f"fer_edge_0={TOKEN}").status == 401
    assert locked.ask("/metrics", Cookie='fer_edge_0="; ;=').status == 401
    assert locked.ask(f"/metrics?token={TOKEN}").status == 401


def test_the_token_opens_a_session(
    locked: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = locked.ask("/login", "POST", "token=wrong")
    assert wrong.status == 403
    assert wrong.getheader("Set-Cookie") is None
    assert b"That was not the token." in wrong.read()
    assert b"The token of this device" in locked.ask("/login").read()
    right = locked.ask("/login", "POST", f"token={TOKEN}")
    assert (right.status, right.getheader("Location")) == (303, "/")
    assert right.getheader("Content-Type") == "text/plain"
    cookie = str(right.getheader("Set-Cookie"))
    assert "HttpOnly; SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert locked.ask("/", Cookie=cookie.split(";", maxsplit=1)[0]).status == 200
    assert TOKEN not in caplog.text + "".join(capfd.readouterr())
    assert TOKEN not in repr(Access(LOOPBACK, TOKEN))


def test_two_pages_of_one_computer_keep_their_sessions() -> None:
    browser = build_opener(HTTPCookieProcessor())  # sends cookies to every port of a host
    with contextlib.ExitStack() as stack:
        urls = []
        for _ in range(2):
            with socket.create_server(("127.0.0.1", 0)) as free:
                address = ServeAddress("127.0.0.1", free.getsockname()[1])
            stack.enter_context(Served(TOKEN, address=address).server)
            urls.append(address.url)
        for url in urls:
            browser.open(f"{url}login", f"token={TOKEN}".encode(), timeout=5)
        for url in urls:
            with browser.open(f"{url}about", timeout=5) as answer:
                assert answer.status == 200


def test_other_computers_need_a_token() -> None:
    with pytest.raises(ArgumentError, match="so a token is needed"):
        Access(ServeAddress.of("0.0.0.0:8080"))
    with pytest.raises(ArgumentError, match="too short"):
        Access(ServeAddress.of("0.0.0.0:8080"), "short")
    access = Access(ServeAddress.of("0.0.0.0:8080"), TOKEN)
    assert Door.of(access).access is access
    for guessable in (
        "PUT 16 CHARACTERS OR MORE HERE",
        "a" * 30,
        "changeme-changeme",
        "abcabcabcabcabcabc",
    ):
        with pytest.raises(ArgumentError, match="easy to guess: make one with python3"):
            Access(ServeAddress.of("0.0.0.0:8080"), guessable)
    for _ in range(200):
        Access(ServeAddress.of("0.0.0.0:8080"), secrets.token_urlsafe())
        Access(ServeAddress.of("0.0.0.0:8080"), secrets.token_hex(16))
    assert ServeAddress.of("8080") == ServeAddress("127.0.0.1", 8080)
    assert ServeAddress.of("[::1]:80").url == "http://[::1]:80/"
    for wrong in ("host", "host:", "host:99999", "host:-1", ""):
        with pytest.raises(ArgumentError, match="serve must be HOST:PORT"):
            ServeAddress.of(wrong)


def test_a_port_in_use_is_said(page: Served) -> None:
    taken = ServeAddress("127.0.0.1", page.server.port)
    with pytest.raises(FerError, match=r"cannot serve on .* in use; choose another port"):
        Served(address=taken)


def test_a_page_is_told_once_its_port_is_bound(page: Served, tmp_path: Path) -> None:
    said = call_here("fer-edge", "--demo", "--serve", page.server.port, cwd=tmp_path, code=1).stderr
    assert "page:" not in said
    assert "in use; choose another port with --serve\n" in said


HOSTILE = {
    "no request": b"\r\n\r\n",
    "rubbish": bytes(range(1, 256)) * 8 + b"\r\n\r\n",
    "a line without end": b"GET /" + b"a" * 200_000,
    "headers without end": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000,
    "a wrong version": b"GET / HTTP/9.9\r\n\r\n",
    "a body that is too large": b"POST /login HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
    "a length below nothing": b"POST /login HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    "a body in pieces": b"POST /login HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    "a body elsewhere": b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    "a nul in the path": b"GET /\x00/etc/passwd HTTP/1.0\r\nHost: localhost\r\n\r\n",
    "headers that are large together": b"GET / HTTP/1.0\r\nHost: localhost\r\n"
    + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 4000) for n in range(20))
    + b"\r\n",
    "no path": b"GET http://[ HTTP/1.0\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_malformed_requests_are_turned_away(
    page: Served, sent: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with page.connect() as hostile:
        try:
            hostile.sendall(sent)
            hostile.shutdown(socket.SHUT_WR)
            answer = hostile.recv(1 << 16)
        except OSError:  # it was ended while it still sent
            answer = b""
    assert not answer.startswith(b"HTTP/1.0 200")
    assert b"root:" not in answer
    assert page.ask("/healthz").status == 200
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


def test_what_follows_a_body_that_is_too_large_is_no_request(page: Served) -> None:
    with page.connect() as hostile:
        hostile.sendall(HOSTILE["a body that is too large"] + b"GET /healthz HTTP/1.0\r\n\r\n")
        hostile.shutdown(socket.SHUT_WR)
        answer = b""
        while part := hostile.recv(1 << 16):
            answer += part
    assert answer.startswith(b"HTTP/1.0 413")
    assert answer.count(b"HTTP/1.0") == 1


def test_a_cookie_of_backslashes_costs_no_time(locked: Served) -> None:
    cookie = 'fer_edge_0="' + "\\a" * 14_000 + '"'
    started = time.perf_counter()
    assert locked.ask("/", Cookie=cookie).status == 401
    assert time.perf_counter() - started < 0.3  # half a second and more where it is unquoted


def test_what_is_too_large_is_counted(page: Served) -> None:
    with page.connect() as hostile, contextlib.suppress(ConnectionError):
        hostile.sendall(HOSTILE["headers that are large together"])
        assert hostile.recv(100) == b""
    wait_until(lambda: page.server.refused == 1)


def test_a_page_learns_whether_its_picture_still_comes(page: Served) -> None:
    states = page.ask("/events?viewer=mine")

    def looking() -> bool:
        write(page.view)
        while not (line := states.readline()).startswith(b"data"):
            pass
        return bool(json.loads(line.removeprefix(b"data: "))["cameras"][0]["looking"])

    assert not looking()
    picture = page.ask("/video?viewer=mine")
    wait_until(looking)
    other = page.ask("/video?viewer=other")
    wait_until(lambda: page.view.viewers == 2)
    picture.close()
    wait_until(lambda: not looking())
    other.close()


def test_who_goes_while_no_picture_comes_is_let_go(page: Served) -> None:
    looking = [page.ask("/video") for _ in range(3)]
    wait_until(lambda: page.view.viewers == 3)
    for each in looking:
        each.close()
    wait_until(lambda: page.view.viewers == 0)


def test_nobody_sees_a_picture_of_an_earlier_look(page: Served) -> None:
    first = page.ask("/video")
    wait_until(lambda: page.view.viewers == 1)
    write(page.view)
    first.readline()
    first.close()
    wait_until(lambda: (write(page.view), page.view.viewers == 0)[1])
    assert page.view.next_jpeg(0, 0.01) is None
    with page.view.watched():
        write(page.view)
        page.view.idle(Gap(1.0), Analysis())
        assert page.view.next_jpeg(0, 0.01) is None


def test_a_request_that_trickles_in_is_ended(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "REQUEST_SECONDS", 0.3)
    with page.connect() as slow:
        slow.sendall(b"GET / HT")
        began = time.monotonic()
        assert slow.recv(100) == b""
    assert time.monotonic() - began < 3
    wait_until(lambda: page.server.refused == 1)


def test_two_hundred_slow_clients_shut_nobody_out(locked: Served) -> None:
    """Each has asked for half a line; whoever asks at once is answered all the same."""
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            slow = stack.enter_context(locked.connect())
            with contextlib.suppress(OSError):  # it had to make room for the next
                slow.sendall(b"GET / HT")
        for _ in range(12):
            assert locked.ask("/healthz").status in (200, 503)
            assert locked.ask("/", Authorization=f"Bearer {TOKEN}").status == 200
        assert len(locked.server._server._open) <= bounded.MOST_OF_ONE_ADDRESS + 1
    assert locked.server.refused >= 200 - bounded.MOST_OF_ONE_ADDRESS


def test_whoever_fills_the_server_makes_room_first(page: Served) -> None:
    server = page.server._server
    opened = {f"10.0.0.{n}": bounded._Connection(f"10.0.0.{n}", float(n)) for n in range(5)}
    crowd = {f"c{n}": bounded._Connection("10.0.0.9", 100.0 + n) for n in range(30)}
    crowd["c0"].since = None  # its request is there
    with server._lock:
        server._open |= opened | crowd
        try:
            assert server._oldest_waiting(None) == "c1"
            assert server._oldest_waiting("10.0.0.3") == "10.0.0.3"
            for each in crowd.values():
                each.since = None
            assert server._oldest_waiting("10.0.0.9") is None
            assert server._oldest_waiting(None) == "10.0.0.0"
        finally:
            for name in (*opened, *crowd):
                del server._open[name]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9", True),
        ("2001:db8::5", "2001:db8::6", True),
        ("fe80::1:2:3:4%eth0", "fe80::9:2:3:4%eth0", True),
        ("2001:db8:1:2::9", "2001:db8:1:3::9", False),
        ("::ffff:10.0.0.5", "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.6", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (bounded.address_of(one) == bounded.address_of(other)) == same


def test_a_wrong_token_takes_its_time_and_no_other_is_looked_at_meanwhile(
    locked: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "GUESS_SECONDS", 1.0)
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        guess = pool.submit(locked.ask, "/", Authorization="Bearer wrong")
        wait_until(lambda: bool(locked.server.door.guessers))
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert locked.ask("/about", **right).status == 429  # which tells nothing of it
        assert locked.ask("/login", "POST", f"token={TOKEN}").status == 429
        assert locked.ask("/healthz").status in (200, 503)
        assert locked.ask("/").status == 401  # a visitor without any token is no guess
        assert guess.result().status == 401
        assert time.monotonic() - began >= 1.0
    assert locked.ask("/about", **right).status == 200


def test_too_many_viewers_are_refused(page: Served) -> None:
    streams = [page.ask("/events") for _ in range(MOST_VIEWERS)]
    assert all(stream.status == 200 for stream in streams)
    assert page.ask("/events").status == 503
    for stream in streams:
        stream.close()


def test_leaving_ends_every_viewer() -> None:
    threads = threading.active_count()
    served = Served()
    with served.server:
        streams = [served.ask(path) for path in ("/events", "/video") * 3]
        began = time.monotonic()
    assert time.monotonic() - began < 3
    wait_until(lambda: threading.active_count() <= threads)
    for stream in streams:
        stream.close()


def test_secrets_come_from_the_environment_or_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "fer-edge.toml"
    file.write_text(f'token = "{TOKEN}"\nserve = "0.0.0.0:8080"\n')
    file.chmod(0o644)
    with pytest.raises(FerError, match=r"the setting token .* chmod 600") as caught:
        load_with_secrets(file, {}, environment={})
    assert TOKEN not in str(caught.value)
    file.chmod(0o600)
    config = load_with_secrets(file, {}, environment={})
    assert config.token == TOKEN
    assert TOKEN not in repr(config)
    other = load_with_secrets(file, {}, environment={"FER_EDGE_TOKEN": "other"})
    assert other.token == "other"
    bare = load_with_secrets(None, {}, environment={"FER_EDGE_MQTT_PASSWORD": "secret"})
    assert (bare.token, bare.mqtt_password) == ("", "secret")


def test_the_page_says_what_is_stored_and_where() -> None:
    camera = RunOptions(EdgeConfig(camera="0"))
    options = RunOptions(EdgeConfig(camera="0", json="seen.jsonl", events="-", save="rec.mp4"))
    assert options.stored() == ("every face in seen.jsonl", "the annotated pictures in rec.mp4")
    page = Served(stored=options.stored())
    with page.server:
        assert json.loads(page.ask("/about").read())["stored"] == list(options.stored())
    assert camera.stored() == ()
    journal = ("every change in this computer's journal",)
    assert camera.stored(as_service=True) == journal
    assert replace(camera, quiet=True).stored(as_service=True) == ()


class Asked(web.WebRequest):
    """A page with one route that takes what is sent."""

    static = PAGE_FILES
    door = Door(Access(LOOPBACK))

    def take(self) -> None:
        self.send_json(len(self.body()))

    routes = {("POST", "/take"): web.Route(take, most_bytes=100_000)}  # noqa: RUF012


def test_a_route_takes_what_its_own_page_sends_and_no_more() -> None:
    def ask(length: int, origin: str = "", path: str = "/take") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("POST", path, b"x" * length, {"Origin": origin} if origin else {})
        return connection.getresponse()

    with PageServer(Asked, lambda: None) as server:
        own = f"http://127.0.0.1:{server.port}"
        assert json.loads(ask(100_000, own).read()) == 100_000
        assert json.loads(ask(0).read()) == 0  # a program names no origin
        assert ask(100, "http://elsewhere.example").status == 403
        assert ask(100, "null").status == 403
        assert ask(100_001, own).status == 413
        assert ask(1, own, "/about").status == 405


def test_a_body_that_drips_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BODY_SECONDS", 0.3)
    head = b"POST /take HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n\r\n"
    with (
        PageServer(Asked, lambda: None) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as slow,
    ):
        slow.sendall(head)
        ends = time.monotonic() + 5
        with pytest.raises(OSError):  # noqa: PT011  # each system has words of its own
            while time.monotonic() < ends:
                slow.sendall(b"x")
                time.sleep(0.05)
        wait_until(lambda: server.refused == 1)
