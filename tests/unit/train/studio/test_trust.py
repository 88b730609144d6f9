"""Sending to a device that made its certificate itself: nothing leaves before it is confirmed."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from fer_core.errors import FerError
from fer_edge.inference.models import ModelFacts
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.certificate import Certificate, own_certificate
from fer_edge.page.door import Door
from fer_edge.page.requests import make_handler
from fer_edge.page.server import PageServer
from fer_edge.page.site import Site
from fer_edge.page.view import LiveView
from fer_train.studio.deploy import Device, send_bundle
from fer_train.studio.trust import PinnedConnection, UnconfirmedError
from served_studio import Served

pytest.importorskip("cryptography")
TOKEN = "a-token-of-the-tests"
LOCAL = ServeAddress("127.0.0.1", 0, https=True)
TAKEN = {"model": "mine-int8", "state": "on trial", "seconds": 60}
ANOTHER = ":".join(["AB"] * 32)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return own_certificate(LOCAL, tmp_path / "device")


class Listening(BaseRequestHandler):
    """Shakes hands, keeps every byte that comes decrypted, and says that the bundle is taken."""

    context: ssl.SSLContext
    came: list[bytes]

    def handle(self) -> None:
        try:
            with self.context.wrap_socket(self.request, server_side=True) as talk:
                head = b""
                while more := talk.recv(65_536):
                    head += more
                    self.came.append(more)
                    if b"\r\n\r\nbundle" in head:
                        talk.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(TAKEN).encode())
                        return
        except OSError:
            return  # whoever came did not like the certificate


@contextmanager
def listening(certificate: Certificate) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the address of a device, and what it gets to read."""
    came: list[bytes] = []
    held = {"context": certificate.context(), "came": came}
    with ThreadingTCPServer(("127.0.0.1", 0), type("Handler", (Listening,), held)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}", came
        server.shutdown()
        thread.join()


def test_token_and_bundle_go_to_the_confirmed_certificate_alone(certificate: Certificate) -> None:
    with listening(certificate) as (address, came):
        with pytest.raises(UnconfirmedError) as first:
            send_bundle(Device(address, TOKEN), b"bundle")
        assert first.value.fingerprint == certificate.fingerprint
        with pytest.raises(UnconfirmedError) as wrong:
            send_bundle(Device(address, TOKEN, ANOTHER), b"bundle")
        assert wrong.value.fingerprint == certificate.fingerprint
    assert came == []
    with listening(certificate) as (address, came):
        assert send_bundle(Device(address, TOKEN, certificate.fingerprint), b"bundle") == TAKEN
    assert f"Authorization: Bearer {TOKEN}".encode() in b"".join(came)


def test_a_certificate_that_was_changed_since_gets_nothing(
    certificate: Certificate, tmp_path: Path
) -> None:
    with listening(own_certificate(LOCAL, tmp_path / "another")) as (address, came):
        with pytest.raises(UnconfirmedError) as changed:
            send_bundle(Device(address, TOKEN, certificate.fingerprint), b"bundle")
        assert changed.value.fingerprint != certificate.fingerprint
    assert came == []


def test_a_connection_that_opens_by_itself_is_looked_at_too(certificate: Certificate) -> None:
    """http.client opens one again where the first was lost before the request."""
    with listening(certificate) as (address, came):
        port = int(address.rpartition(":")[2])
        connection = PinnedConnection("127.0.0.1", port, 5.0, ANOTHER)
        with pytest.raises(UnconfirmedError):
            connection.request("POST", "/models", b"bundle", {"Authorization": f"Bearer {TOKEN}"})
    assert came == []


def test_what_an_authority_vouches_for_needs_no_confirmation(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    with listening(certificate) as (address, came):
        assert send_bundle(Device(address, TOKEN), b"bundle") == TAKEN
        with pytest.raises(UnconfirmedError):  # whoever confirmed one gets no other
            send_bundle(Device(address, TOKEN, ANOTHER), b"bundle")
    assert b"".join(came).count(TOKEN.encode()) == 1


def test_encryption_that_lacks_is_told() -> None:
    with pytest.raises(FerError, match="begins with https://"):
        send_bundle(Device("http://127.0.0.1:1", TOKEN, ANOTHER), b"bundle")


def test_the_studio_asks_to_confirm_and_then_talks_to_a_real_page(
    served: Served, certificate: Certificate
) -> None:
    (served.folder / "runs" / "mine").mkdir()
    (served.folder / "runs" / "mine" / "mine-int8.tflite").write_bytes(b"bundle")
    view, facts = LiveView(), ModelFacts("fer-nano-int8", "0" * 64, ("happy",))
    site = Site(view, Door(Access(LOCAL, TOKEN), certificate), lambda: facts)
    with PageServer(make_handler(site), view.close) as page:
        where = {"address": f"https://localhost:{page.port}", "token": TOKEN}

        def wish(fingerprint: str) -> bytes:
            return json.dumps({**where, "fingerprint": fingerprint}).encode()

        for fingerprint in ("", ANOTHER):
            answer = served.post("/api/deploy", wish(fingerprint), name="mine")
            assert answer == {"unconfirmed": certificate.fingerprint}
            assert served.post("/api/deployed", wish(fingerprint)) == answer
        assert page.refused == 0
        told = served.post("/api/deployed", wish(certificate.fingerprint))
        assert told == {"model": facts.name, "sha256": facts.sha256, "state": "kept", "why": ""}
        told = served.error("/api/deploy", wish(certificate.fingerprint), status=502, name="mine")
        assert told.startswith("localhost says: this device takes no models")
        for fingerprint in ("ab", certificate.fingerprint.lower(), ANOTHER + "\n"):
            assert "cannot be read" in served.error("/api/deploy", wish(fingerprint), name="mine")
        where["address"] = f"http://localhost:{page.port}"
        told = served.error("/api/deploy", wish(""), status=502, name="mine")
        assert told == "localhost says: This page is encrypted: type https:// before the address."
        where["address"] = f"https://localhost:{served.server.port}"
        assert "is its address http://?" in served.error(
            "/api/deploy", wish(""), status=502, name="mine"
        )
