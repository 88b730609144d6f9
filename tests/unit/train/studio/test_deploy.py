"""Sending a bundle to devices that take it, refuse it, or are none."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fer_core.errors import FerError
from fer_train.studio import deploy
from fer_train.studio.deploy import Device, DeviceError, DeviceModel, ask_models, send_bundle

TOKEN = "a-token-of-the-tests"
TAKEN = {"model": "mine-int8", "sha256": "ab", "state": "on trial", "seconds": 60}


class FakeDevice(BaseHTTPRequestHandler):
    """Answers as `wish` says, and remembers what came."""

    wish = (200, json.dumps(TAKEN).encode(), {})
    came: list[tuple[str, str, str, bytes]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = self.headers
        self.came.append((self.path, headers["Authorization"] or "", headers["Host"], body))
        status, content, more = self.wish
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # whoever asked has read enough
            self.wfile.write(content)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def device() -> Iterator[tuple[str, type[FakeDevice]]]:
    handler = type("Handler", (FakeDevice,), {"came": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
        server.shutdown()
        thread.join()


def test_the_bundle_and_the_token_arrive(device: tuple[str, type[FakeDevice]]) -> None:
    address, handler = device
    assert send_bundle(Device(address, TOKEN), b"bundle") == TAKEN
    assert send_bundle(Device(f"{address}/"), b"bundle") == TAKEN
    first, second = handler.came
    assert first[:2] == ("/models", f"Bearer {TOKEN}")
    assert first[3] == second[3] == b"bundle"
    assert second[1] == ""
    assert TOKEN not in repr(Device(address, TOKEN))


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (403, b'{"error": "this device takes no models: start it with --models FOLDER"}', {},
         "127.0.0.1 says: this device takes no models: start it with --models FOLDER"),
        (409, b'{"error": "a \\u001b[2Jtrial runs"}', {}, "127.0.0.1 says: a \\x1b[2Jtrial runs"),
        (401, b"a token is needed\n", {}, "the token is missing or wrong"),
        (403, b"this page is for localhost\n", {}, "127.0.0.1 says: this page is for localhost"),
        (403, b"<html>\n<p>a router\n", {}, "answers (403) what no fer-edge answers"),
        (302, b"", {"Location": "http://127.0.0.1:1/"}, "sends us elsewhere (302)"),
        (307, b"", {"Location": "http://evil.example/models"}, "sends us elsewhere (307)"),
        (200, b"<html>a router</html>", {}, "answers (200) what no fer-edge answers"),
        (200, b"[1, 2]", {}, "answers (200) what no fer-edge answers"),
        (200, b'{"a": ' * 5000, {}, "answers (200) what no fer-edge answers"),
        (200, b"x" * 10_000_000, {}, "answers (200) what no fer-edge answers"),
        (404, b"there is no such page", {}, "answers (404) what no fer-edge answers"),
    ],
)  # fmt: skip
def test_what_is_no_welcome_is_told(
    device: tuple[str, type[FakeDevice]], status: int, body: bytes, headers: dict[str, str],
    words: str,
) -> None:  # fmt: skip
    address, handler = device
    handler.wish = (status, body, headers)
    with pytest.raises(FerError) as caught:
        send_bundle(Device(address, TOKEN), b"bundle")
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert len(handler.came) == 1


@contextmanager
def raw_device(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection by a function."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_device_that_never_answers_or_trickles_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up = threading.Event()

    def silent(connection: socket.socket) -> None:
        given_up.wait(10)

    def trickling(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not given_up.wait(0.05):
            try:
                connection.sendall(b"X: y\r\n")
            except OSError:
                return

    monkeypatch.setattr(deploy, "ANSWER_SECONDS", 0.3)
    with raw_device(silent) as address:
        with pytest.raises(FerError, match="does not answer"):
            send_bundle(Device(address), b"bundle")
        given_up.set()
    given_up.clear()
    monkeypatch.setattr(deploy, "WHOLE_SECONDS", 0.5)
    monkeypatch.setattr(deploy, "ANSWER_SECONDS", 5.0)
    with raw_device(trickling) as address:
        with pytest.raises(FerError, match=r"cannot be reached|no fer-edge"):
            send_bundle(Device(address), b"bundle")
        given_up.set()


RUNNING = {"running": {"name": "mine-int8", "sha256": "ab", "labels": ["a", "b"]}}


def test_a_device_tells_how_its_trial_goes(device: tuple[str, type[FakeDevice]]) -> None:
    address, handler = device
    told = {**RUNNING, "state": "taken back", "why": "too \x1b[2Jslow", "before": None}
    handler.wish = (200, json.dumps(told).encode(), {})
    asked = ask_models(Device(address, TOKEN))
    assert asked == DeviceModel("mine-int8", "ab", "taken back", "too \\x1b[2Jslow")
    assert handler.came == [("/models", f"Bearer {TOKEN}", address[7:], b"")]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"a token is needed\n", "the token is missing or wrong"),
        (200, b'{"state": "kept", "why": ""}', "does not say which model it runs"),
        (200, b'{"running": "x", "state": 1, "why": ""}', "does not say which model it runs"),
        (500, b'{"error": "cannot read state.json"}', "says: cannot read state.json"),
        (302, b"", "sends us elsewhere"),
    ],
)
def test_a_device_that_tells_nothing_of_a_trial_is_told(
    device: tuple[str, type[FakeDevice]], status: int, body: bytes, words: str
) -> None:
    address, handler = device
    handler.wish = (status, body, {"Location": "http://evil.example/"})
    with pytest.raises(DeviceError, match=words):
        ask_models(Device(address, TOKEN))


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(FerError, match="cannot be reached: Connection refused"):
        send_bundle(Device(f"http://127.0.0.1:{port}"), b"bundle")


@pytest.mark.parametrize(
    "address",
    ["", "pi.local", "pi.local:8080", "ftp://pi.local", "file:///etc/passwd", "http://",
     "http://a b", "http://pi.local/else", "http://me:secret@pi.local", "http://pi:port", "http://pi:99999",
     "http://pi\r\nX: y:80", "http://[::1", "http://pi/?q", "javascript:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(FerError, match="address"):
        send_bundle(Device(address), b"bundle")


def test_a_bundle_too_large_and_a_strange_token_are_not_sent() -> None:
    with pytest.raises(FerError, match="16 MiB"):
        send_bundle(Device("http://127.0.0.1:1"), bytes(16 * 2**20 + 1))
    with pytest.raises(FerError, match="letters that no token has"):
        send_bundle(Device("http://127.0.0.1:1", "a\r\nX: y"), b"bundle")
