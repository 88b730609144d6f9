"""Who may look: a token for other computers, this computer's own names for itself."""

from __future__ import annotations

import hmac
import math
import platform
import secrets
import socket
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from ipaddress import ip_address

from fer_core.errors import ArgumentError

LEAST_TOKEN = 16
LEAST_BITS = 40
"""The least entropy of a token, by how often it holds each of its characters."""
_PLACEHOLDERS = (
    "charactersormore",
    "changeme",
    "yourtoken",
    "tokenhere",
    "replacethis",
    "password",
    "1234567890",
    "0123456789",
    "abcdefghij",
    "qwertyuiop",
)
_MOST_SESSIONS = 64


@dataclass(frozen=True, slots=True)
class ServeAddress:
    """Where the page is served, and whether encrypted."""

    host: str
    port: int
    https: bool = False

    @classmethod
    def of(cls, text: str) -> ServeAddress:
        """Read `8080`, `HOST:8080` or `[::1]:8080`.

        Raises:
            ArgumentError: The text is anything else.
        """
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
        if not (port.isdecimal() and 0 < int(port) < 65536):
            raise ArgumentError(
                f"serve must be HOST:PORT or PORT, as 127.0.0.1:8080, got {text!r}",
                see="setting-wrong",
            )
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names for a browser; where every address is served, those that telephones find."""
        if self.host not in ("0.0.0.0", "::"):
            return (self.host,)
        name = platform.node().partition(".")[0]
        return (*([f"{name}.local"] if name else []), *_own_address()) or ("localhost",)

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses for a browser, the one with the name first."""
        scheme = "https" if self.https else "http"
        shown = [f"[{host}]" if ":" in host else host for host in self.hosts]
        return tuple(f"{scheme}://{host}:{self.port}/" for host in shown)

    @property
    def url(self) -> str:
        """The same in a line."""
        return " or ".join(self.urls)


@dataclass(slots=True)
class Access:
    """Decides by a request's headers; without a token for requests to this computer alone.

    Raises:
        ArgumentError: The token is too short or easy to guess, or is needed and lacks.
    """

    address: ServeAddress
    token: str = field(default="", repr=False)
    _sessions: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_SESSIONS), repr=False)

    def __post_init__(self) -> None:
        if not self.token and not self.address.is_loopback:
            raise ArgumentError(
                f"other computers reach {self.address.host}, so a token is needed: put one of at "
                f"least {LEAST_TOKEN} characters into $FER_EDGE_TOKEN or as token = ... into the "
                f"--config file; {how_to_make_a_token()}",
                see="token-needed",
            )
        if self.token and len(self.token) < LEAST_TOKEN:
            raise ArgumentError(
                f"the token is too short: at least {LEAST_TOKEN} characters", see="token-weak"
            )
        if not self.token.isascii():
            raise ArgumentError(
                f"the token has letters that a header cannot hold: {how_to_make_a_token()}",
                see="token-weak",
            )
        if self.token and _is_guessable(self.token):
            raise ArgumentError(
                f"the token is easy to guess: {how_to_make_a_token()}", see="token-weak"
            )

    @property
    def cookie(self) -> str:
        """The name of a session's cookie: browsers send one host's cookies to all of its ports."""
        return f"fer_edge_{self.address.port}"

    def allows(self, host: str, authorization: str, cookie: str) -> bool:
        """Return whether a request with these headers may see anything.

        Without a token the host must be a name of this computer, since else any web page could
        look through a name of its own that leads here (DNS rebinding).
        """
        if not self.token:
            return _names_this_computer(host)
        kind, _, given = authorization.partition(" ")
        if kind.lower() == "bearer" and same(given.strip(), self.token):
            return True
        pairs = (pair.strip().partition("=") for pair in cookie.split(";"))
        secrets_given = [value for name, _, value in pairs if name == self.cookie][:2]
        sessions = tuple(self._sessions)
        return any(same(value, each) for value in secrets_given for each in sessions)

    def open_session(self, token: str) -> str | None:
        """Return the secret of a new session, None for a wrong token."""
        if not (self.token and same(token, self.token)):
            return None
        self._sessions.append(secrets.token_urlsafe(32))
        return self._sessions[-1]


def how_to_make_a_token() -> str:
    """Return the command that makes one, in words."""
    python = "python" if sys.platform == "win32" else "python3"
    return f'make one with {python} -c "import secrets; print(secrets.token_urlsafe())"'


def _own_address() -> list[str]:
    """Return this computer's address in its network; none without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of documentation (RFC 5737); nothing is sent
        except OSError:
            return []
        return [str(probe.getsockname()[0])]


def _is_guessable(token: str) -> bool:
    """Return whether a token is a placeholder, or holds LEAST_BITS of chance at most."""
    plain = "".join(each for each in token.casefold() if each.isalnum())
    counts = Counter(token).values()
    bits = sum(count * math.log2(len(token) / count) for count in counts)
    return bits < LEAST_BITS or any(mark in plain for mark in _PLACEHOLDERS)


def same(one: str, other: str) -> bool:
    """Compare in a time that does not tell how much is right."""
    return hmac.compare_digest(one.encode(), other.encode())


def _names_this_computer(host: str) -> bool:
    name = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    return ServeAddress(name, 1).is_loopback
