"""Who may look at a page, and what others may cost it, without a server."""

from __future__ import annotations

import io
import platform
import socket
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fer_core.errors import ArgumentError
from fer_edge.page import access, bounded
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.bounded import BoundedReader, BoundedServer

LOOPBACK = ServeAddress("127.0.0.1", 8080)
TOKEN = "a-token-of-the-tests"


def test_an_address_is_a_host_and_a_port_or_a_port() -> None:
    assert ServeAddress.of("192.168.1.2:1") == ServeAddress("192.168.1.2", 1)
    assert ServeAddress.of("pi.local:65535") == ServeAddress("pi.local", 65535)
    assert ServeAddress.of("[2001:db8::1]:8080") == ServeAddress("2001:db8::1", 8080)
    assert ServeAddress.of(":8080") == LOOPBACK
    for wrong in ("host:0", "host:65536", "host:1x", "host:+1"):
        with pytest.raises(ArgumentError, match="serve must be HOST:PORT or PORT"):
            ServeAddress.of(wrong)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.2", False),
        ("LOCALHOST", False),
        ("pi.local", False),
    ],
)
def test_only_this_computer_reaches_its_loopback(host: str, own: bool) -> None:
    assert ServeAddress(host, 8080).is_loopback == own


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_every_address_is_told_by_name_and_number(
    everywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = ServeAddress(everywhere, 8443, https=True)
    monkeypatch.setattr(platform, "node", lambda: "pi.lan.home")
    monkeypatch.setattr(access, "_own_address", lambda: ["10.0.0.7"])
    assert served.hosts == ("pi.local", "10.0.0.7")
    assert served.urls == ("https://pi.local:8443/", "https://10.0.0.7:8443/")
    assert served.url == "https://pi.local:8443/ or https://10.0.0.7:8443/"
    monkeypatch.setattr(platform, "node", lambda: "")
    assert served.hosts == ("10.0.0.7",)
    monkeypatch.setattr(access, "_own_address", list)
    assert served.hosts == ("localhost",)
    assert ServeAddress("2001:db8::1", 80).url == "http://[2001:db8::1]:80/"


def test_without_a_network_there_is_no_address_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreachable(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", Unreachable)
    assert access._own_address() == []


def test_nothing_is_sent_to_learn_ones_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    class Probe(socket.socket):
        def connect(self, address: tuple[str, int]) -> None:
            assert self.type == socket.SOCK_DGRAM  # connecting one sends nothing
            assert address[0] == "192.0.2.1"

        def getsockname(self) -> tuple[str, int]:
            return "10.0.0.7", 40_000

    monkeypatch.setattr(socket, "socket", Probe)
    assert access._own_address() == ["10.0.0.7"]


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("k7Qp2xZv9LmN4sT", "too short: at least 16 characters"),  # 15
        ("wxyz" * 4, "easy to guess"),  # 32 bits
        ("wxyz" * 4 + "wxx", "easy to guess"),  # just below 40
        ("My-Pass.Word!k7Qp2xZv9", "easy to guess"),
        ("k7Qp2xZv9-REPLACE-THIS", "easy to guess"),
        ("0123456789k7Qp2xZv9LmN", "easy to guess"),
        ("schöne-k7Qp2xZv9LmN4sT", "letters that a header cannot hold"),
    ],
)
def test_a_token_that_can_be_guessed_is_refused(token: str, words: str) -> None:
    with pytest.raises(ArgumentError, match=words) as refused:
        Access(LOOPBACK, token)
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("system", "command"), [("win32", "with python -c"), ("linux", "with python3 -c")]
)
def test_a_token_is_made_with_the_python_of_the_system(
    system: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    for host, token in (("0.0.0.0", ""), ("127.0.0.1", "a" * 30)):
        with pytest.raises(ArgumentError, match=command):
            Access(ServeAddress(host, 8080), token)


@pytest.mark.parametrize("token", ["k7Qp2xZv9LmN4sTb", "wxyz" * 5])  # 16 characters; 40 bits
def test_a_token_just_good_enough_is_taken(token: str) -> None:
    assert Access(ServeAddress("0.0.0.0", 80), token).token == token


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("127.0.0.1:8080", True),
        ("[::1]", True),
        ("[::1]:8080", True),
        ("[::2]:8080", False),
        ("::1", False),
        ("localhost.evil.example:80", False),
        ("evil.example", False),
        ("", False),
    ],
)
def test_without_a_token_the_host_is_one_of_this_computer(host: str, allowed: bool) -> None:
    assert Access(LOOPBACK).allows(host, "", "") == allowed
    assert not Access(LOOPBACK, TOKEN).allows(host, "", "")


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bEARER   {TOKEN} ", True),
        (f"Basic {TOKEN}", False),
        (f"Bearer{TOKEN}", False),
        (TOKEN, False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        ("Bearer ", False),
        ("Bearer ü", False),
    ],
)
def test_a_token_comes_as_bearer(authorization: str, allowed: bool) -> None:
    assert Access(LOOPBACK, TOKEN).allows("evil.example", authorization, "") == allowed


def test_a_session_is_a_cookie_of_this_port() -> None:
    door = Access(LOOPBACK, TOKEN)
    assert door.open_session("wrong") is None
    assert door.open_session("") is None
    secret = str(door.open_session(TOKEN))
    assert len(secret) == 43  # 32 bytes of chance
    for cookie, allowed in (
        (f"fer_edge_8080={secret}", True),
        (f"other=1; fer_edge_8080={secret}; more=2", True),
        (f"fer_edge_8080=old;fer_edge_8080={secret}", True),
        (f"fer_edge_8080=old; fer_edge_8080=old; fer_edge_8080={secret}", False),  # two are read
        (f"fer_edge_8081={secret}", False),
        (f"fer_edge_8080={secret}x", False),
        (f"fer_edge_8080={TOKEN}", False),
        (f"fer_edge_8080{secret}", False),
        ("fer_edge_8080=", False),
    ):
        assert door.allows("localhost", "", cookie) == allowed, cookie


def test_of_sixty_five_sessions_the_first_is_over() -> None:
    door = Access(LOOPBACK, TOKEN)
    opened = [door.open_session(TOKEN) for _ in range(65)]
    assert len(set(opened)) == 65
    allowed = [door.allows("", "", f"fer_edge_8080={each}") for each in opened]
    assert allowed == [False] + [True] * 64


def test_without_a_token_nobody_opens_a_session() -> None:
    door = Access(LOOPBACK)
    assert door.open_session("") is None
    assert door.open_session(TOKEN) is None


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1:2:3:4%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("10.0.0.5", "10.0.0.5"),
        ("unix", "unix"),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(host: str, counted: str) -> None:
    assert bounded.address_of(host) == counted


def test_no_more_is_read_of_a_request_than_allowed() -> None:
    reader = BoundedReader(io.BytesIO(b"one\ntwo\n" + b"x" * 20), 8)
    assert reader.readline(100) == b"one\n"
    assert reader.readline(2) == b"tw"
    assert reader.read1(2) == b"o\n"
    reader.allow(3)
    reader.allow(2)
    assert reader.read(5) == b"xxxxx"
    with pytest.raises(ConnectionAbortedError, match="too large"):
        reader.read(100)
    reader = BoundedReader(io.BytesIO(b"a line of more"), 8)
    with pytest.raises(ConnectionAbortedError, match="too large"):
        reader.readline(100)
    stream = io.BytesIO(b"")
    BoundedReader(stream, 8).close()
    assert stream.closed


class Waiting:
    """A server whose requests never come, with few places; `now` is its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pairs, self.accepted = 100.0, [], []  # type: ignore[var-annotated]
        accept = lambda _, request, __: self.accepted.append(request)  # noqa: E731
        monkeypatch.setattr(ThreadingHTTPServer, "process_request", accept)
        monkeypatch.setattr(bounded.time, "monotonic", lambda: self.now)
        for name, most in (
            ("MOST_CONNECTIONS", 4),
            ("MOST_OF_ONE_ADDRESS", 2),
            ("KEPT_FOR_THIS_COMPUTER", 1),
        ):
            monkeypatch.setattr(bounded, name, most)
        self.server = BoundedServer("127.0.0.1", 0, BaseHTTPRequestHandler)

    def come(self, address: str) -> socket.socket:
        """Let a visitor connect, a second after the one before; return the server's end."""
        self.now += 1
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.pairs.append((ours, theirs))
        self.server.process_request(ours, (address, 1))
        return ours

    def is_ended(self, request: socket.socket) -> bool:
        """Return whether a visitor sees the end of the connection."""
        (theirs,) = [theirs for ours, theirs in self.pairs if ours is request]
        try:
            return theirs.recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Waiting]:
    made = Waiting(monkeypatch)
    yield made
    made.server.close_all()
    for pair in made.pairs:
        for end in pair:
            end.close()


def test_a_third_of_one_address_takes_the_place_of_its_first(waiting: Waiting) -> None:
    other = waiting.come("10.0.0.1")
    first, second = waiting.come("10.0.0.2"), waiting.come("10.0.0.2")
    assert waiting.server.refused == 0
    third = waiting.come("10.0.0.2")
    assert [waiting.is_ended(each) for each in (other, first, second, third)] == [
        False, True, False, False,
    ]  # fmt: skip
    assert waiting.server.refused == 1
    assert waiting.accepted == [other, first, second, third]
    waiting.come("10.0.0.2")
    assert waiting.is_ended(second)
    assert waiting.server.refused == 2


def test_one_address_whose_requests_have_come_gets_no_third(waiting: Waiting) -> None:
    other = waiting.come("10.0.0.9")
    for _ in range(2):
        waiting.server.request_has_come(waiting.come("10.0.0.2"))
    third = waiting.come("10.0.0.2")
    assert waiting.is_ended(third)
    assert not waiting.is_ended(other)
    assert len(waiting.accepted) == 3
    assert waiting.server.refused == 1
    waiting.server.request_has_come(other)
    waiting.server.shutdown_request(other)
    assert not waiting.is_ended(waiting.come("10.0.0.3"))  # others are served


def test_a_full_server_ends_the_oldest_of_whoever_waits_most(waiting: Waiting) -> None:
    single = waiting.come("10.0.0.1")
    first, second = waiting.come("10.0.0.2"), waiting.come("10.0.0.2")
    new = waiting.come("10.0.0.3")  # three of four: the last is kept for this computer
    assert [waiting.is_ended(each) for each in (single, first, second, new)] == [
        False, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("own", ["127.0.0.1", "::1"])
def test_a_place_is_kept_for_this_computer(waiting: Waiting, own: str) -> None:
    others = [waiting.come(f"10.0.0.{n}") for n in range(3)]
    assert not waiting.is_ended(waiting.come(own))
    assert not any(map(waiting.is_ended, others))
    waiting.come(own)  # now all four are taken
    assert waiting.server.refused == 1


def test_a_request_that_takes_more_than_five_seconds_is_ended_once(waiting: Waiting) -> None:
    slow, late, come = (waiting.come(f"10.0.0.{n}") for n in range(3))
    waiting.server.request_has_come(come)
    waiting.now = 101 + bounded.REQUEST_SECONDS  # just in time for `slow`
    waiting.server.service_actions()
    assert not waiting.is_ended(slow)
    waiting.now += 0.5
    waiting.server.service_actions()
    assert [waiting.is_ended(each) for each in (slow, late, come)] == [True, False, False]
    waiting.server.service_actions()
    assert waiting.server.refused == 1
    waiting.now += 60
    waiting.server.service_actions()
    assert [waiting.is_ended(each) for each in (late, come)] == [True, False]
    assert waiting.server.refused == 2


def test_closing_ends_whoever_is_there(waiting: Waiting) -> None:
    some = [waiting.come("10.0.0.1"), waiting.come("10.0.0.2")]
    waiting.server.request_has_come(some[0])
    waiting.server.close_all()
    assert all(map(waiting.is_ended, some))
    assert waiting.server.socket.fileno() == -1


def test_only_a_fault_of_ours_is_logged(waiting: Waiting, caplog: pytest.LogCaptureFixture) -> None:
    for error, refused, logged in (
        (BrokenPipeError(), 0, 0),
        (ConnectionAbortedError(), 1, 0),
        (KeyError("ours"), 1, 1),
    ):
        try:
            raise error
        except (OSError, KeyError):
            waiting.server.handle_error(None, None)
        assert (waiting.server.refused, len(caplog.records)) == (refused, logged)
    assert "KeyError: 'ours'" in caplog.text


@pytest.mark.parametrize("on_windows", [False, True])
def test_a_port_is_for_one_program_alone(on_windows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows lets two programs serve a port with SO_REUSEADDR, unless one asks to be alone."""
    asked = socket.SO_KEEPALIVE  # stands in for an option that only Windows has
    if on_windows:
        monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", asked, raising=False)
    else:
        monkeypatch.delattr(socket, "SO_EXCLUSIVEADDRUSE", raising=False)
    server = BoundedServer("127.0.0.1", 0, BaseHTTPRequestHandler)
    try:
        options = (asked, socket.SO_REUSEADDR)
        found = [bool(server.socket.getsockopt(socket.SOL_SOCKET, each)) for each in options]
        assert found == [on_windows, not on_windows]
        with pytest.raises(OSError, match="in use"):
            BoundedServer("127.0.0.1", server.server_port, BaseHTTPRequestHandler)
    finally:
        server.close_all()
    assert not BoundedServer.allow_reuse_port


def test_every_address_means_those_of_ipv4_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows serves `::` to IPv6 alone unless asked."""
    asked: list[tuple[int, int, int]] = []

    class Asked(socket.socket):
        def setsockopt(self, *option: int) -> None:  # type: ignore[override]
            asked.append(option)  # type: ignore[arg-type]
            super().setsockopt(*option)

    monkeypatch.setattr(socket, "socket", Asked)
    for host in ("::", "::1"):
        asked.clear()
        try:
            BoundedServer(host, 0, BaseHTTPRequestHandler).close_all()
        except OSError:
            pytest.skip("no IPv6 here")
        option = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        assert (option in asked) == (host == "::")
