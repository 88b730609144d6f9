"""The page over TLS: a certificate of this computer's own, and visitors who never shake hands."""

import hashlib
import http.client
import os
import socket
import ssl
import stat
import struct
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from fer_core.errors import ArgumentError, FerError
from fer_edge.inference.models import ModelFacts
from fer_edge.page import bounded, certificate, encrypted
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.certificate import LEAST_LEFT, LIFE, own_certificate
from fer_edge.page.door import Door
from fer_edge.page.requests import make_handler
from fer_edge.page.server import PageServer
from fer_edge.page.site import Site
from fer_edge.page.view import LiveView
from fer_edge.session.options import page_address, read_options

pytest.importorskip("cryptography")
TOKEN = "a-token-of-the-tests"
ADDRESS = ServeAddress("127.0.0.1", 0, https=True)
EVERYBODY = ServeAddress("0.0.0.0", 8443, https=True)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PageServer]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    view = LiveView()
    site = Site(
        view,
        Door.of(Access(ADDRESS, TOKEN)),
        lambda: ModelFacts("fer-nano-int8", "0" * 64, ("happy",)),
    )
    with PageServer(make_handler(site), view.close) as server:
        yield server


def ask(
    server: PageServer, path: str = "/healthz", method: str = "GET", body: str | None = None
) -> http.client.HTTPResponse:
    trusted = ssl.create_default_context(cafile=str(certificate_file(server)))
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=5, context=trusted)
    connection.request(method, path, body)
    return connection.getresponse()


def certificate_file(server: PageServer) -> Path:
    assert server.door.certificate
    return server.door.certificate.file


def connect(server: PageServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_the_page_comes_encrypted_to_one_who_trusts_the_certificate(served: PageServer) -> None:
    assert ask(served).read().startswith(b"ok\n")
    answer = ask(served, "/login", "POST", f"token={TOKEN}")
    assert answer.status == 303
    assert "; Secure" in str(answer.getheader("Set-Cookie"))
    stranger = http.client.HTTPSConnection("127.0.0.1", served.port, timeout=5)
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.request("GET", "/")
    assert ask(served).status == 200


def test_one_who_never_shakes_hands_holds_up_nobody_and_is_ended(
    served: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "REQUEST_SECONDS", 0.3)
    silent = [connect(served) for _ in range(bounded.MOST_OF_ONE_ADDRESS - 1)]
    started = time.monotonic()
    assert ask(served).status == 200
    assert time.monotonic() - started < 2
    for each in silent:
        assert each.recv(1) == b""  # ended by the server
        each.close()
    assert served.refused == len(silent)


def test_more_silent_ones_than_there_are_places_make_room(served: PageServer) -> None:
    silent = [connect(served) for _ in range(bounded.MOST_OF_ONE_ADDRESS + 4)]
    assert ask(served).status == 200
    assert served.refused >= 5
    for each in silent:
        each.close()


def test_those_who_go_at_once_leave_nothing_behind(served: PageServer) -> None:
    for _ in range(40):
        gone = connect(served)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()  # by a reset
    assert ask(served).status == 200


def test_plain_http_is_told_what_to_type(served: PageServer) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    plain.request("GET", "/")
    answer = plain.getresponse()
    assert (answer.status, answer.read()) == (400, encrypted._USE_HTTPS.partition(b"\r\n\r\n")[2])
    assert served.refused == 1
    with connect(served) as noise:
        noise.sendall(b"\x00" * 64)
        while noise.recv(64):
            pass
    assert ask(served).status == 200


def test_a_run_that_outlasts_its_certificate_gets_another(
    served: PageServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = shown_fingerprint(served)
    monkeypatch.setattr(certificate, "LEAST_LEFT", LIFE + timedelta(days=1))  # it ends soon
    served._server._looked_at = float("-inf")  # an hour ago
    wait_until(lambda: shown_fingerprint(served) in caplog.text)
    assert shown_fingerprint(served) != before
    assert ask(served).status == 200


def test_a_certificate_that_cannot_be_renewed_ends_no_page(
    served: PageServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise FerError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(certificate, "write_bytes", full)
    monkeypatch.setattr(certificate, "LEAST_LEFT", LIFE + timedelta(days=1))
    served._server._looked_at = float("-inf")
    wait_until(lambda: "cannot be renewed: cannot write" in caplog.text)
    assert ask(served).status == 200


def wait_until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not true():
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.05)


def shown_fingerprint(server: PageServer) -> str:
    pem = ssl.get_server_certificate(("127.0.0.1", server.port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest().hex(":").upper()


def test_a_certificate_is_made_once_and_is_for_every_name(tmp_path: Path) -> None:
    first = own_certificate(EVERYBODY, tmp_path)
    pem = first.file.read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") :])
    assert first.fingerprint == hashlib.sha256(der).digest().hex(":").upper()
    assert own_certificate(EVERYBODY, tmp_path) == first
    assert own_certificate(ADDRESS, tmp_path) == first  # has the names of this computer alone
    other = own_certificate(ServeAddress("192.0.2.7", 1, https=True), tmp_path)
    assert other.fingerprint != first.fingerprint
    assert {path.name for path in tmp_path.iterdir()} == {other.file.name}


@pytest.mark.parametrize(
    ("node", "certified"),
    [("büro", {"xn--bro-hoa.local"}), ("x" * 64, set()), ("two words", {"two words.local"})],
)
def test_a_certificate_is_made_once_for_a_computer_of_any_name(
    node: str, certified: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography import x509

    monkeypatch.setattr("platform.node", lambda: node)
    first = own_certificate(EVERYBODY, tmp_path)
    assert own_certificate(EVERYBODY, tmp_path) == first
    made = x509.load_pem_x509_certificate(first.file.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {*names.get_values_for_type(x509.DNSName)} == {"localhost", *certified}


@pytest.mark.parametrize("host", ["0:0::7", "fe80::7%eth0"])
def test_a_certificate_for_a_number_is_made_once_however_it_is_written(
    host: str, tmp_path: Path
) -> None:
    address = ServeAddress(host, 8443, https=True)
    first = own_certificate(address, tmp_path)
    assert own_certificate(address, tmp_path) == first


def test_a_certificate_says_what_it_is_for(tmp_path: Path) -> None:
    """It is for a server, and signs no other; browsers show its name."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    made = x509.load_pem_x509_certificate(own_certificate(ADDRESS, tmp_path).file.read_bytes())
    assert made.subject.rfc4514_string() == "CN=fer-edge-kit"
    limits = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (limits.critical, limits.value.ca) == (True, False)
    purpose = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert (purpose.critical, [*purpose.value]) == (False, [ExtendedKeyUsageOID.SERVER_AUTH])


def test_a_certificate_that_ends_soon_or_is_damaged_is_made_anew(tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    first = own_certificate(ADDRESS, tmp_path, now)
    late = now + LIFE - LEAST_LEFT
    assert own_certificate(ADDRESS, tmp_path, late - timedelta(hours=1)) == first
    second = own_certificate(ADDRESS, tmp_path, late + timedelta(hours=1))
    assert second.fingerprint != first.fingerprint
    for content in (b"", second.file.read_bytes()[:300]):
        second.file.write_bytes(content)
        assert own_certificate(ADDRESS, tmp_path).context()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    made = own_certificate(ADDRESS, tmp_path)
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    made.file.chmod(0o640)
    with pytest.raises(FerError, match=f"chmod 600 {made.file}"):
        own_certificate(ADDRESS, tmp_path)


def test_https_is_a_setting_of_the_page() -> None:
    options = read_options({"camera": "0", "serve": "8443", "https": True})
    assert page_address(options) == "https://127.0.0.1:8443/"
    with pytest.raises(ArgumentError, match="--https goes with --serve"):
        read_options({"camera": "0", "https": True})
