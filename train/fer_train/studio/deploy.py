"""Sending a bundle to a device that takes models: `fer-edge --serve PORT --models FOLDER`."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTP_PORT, HTTPS_PORT, HTTPConnection, HTTPException
from typing import Annotated, Any, TypedDict
from urllib.parse import urlsplit

from msgspec import Meta

from fer_core.bundle import MOST_MODEL_BYTES
from fer_core.errors import FerError
from fer_core.text import is_plain_name, printable
from fer_core.typed_json import convert_json, read_json
from fer_train.studio.told import ToldError
from fer_train.studio.trust import PinnedConnection, VerifiedConnection

ANSWER_SECONDS, WHOLE_SECONDS = 30.0, 60.0
"""How long the device may be silent while it tries the model, and how long all of it may take."""
MOST_ANSWER_BYTES = 65_536
_MOST_WORDS = 300
_REFUSALS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""What the page of fer-edge also answers with a line of text."""


class DeviceError(ToldError):
    """The device cannot be reached, refuses, or answers what cannot be understood."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a device is, and the token that lets us in.

    Attributes:
        address: http://HOST:PORT or https://HOST:PORT.
        fingerprint: SHA-256 of the certificate that the user confirmed; empty for none, then an
            authority has to vouch for it.
    """

    address: Annotated[str, Meta(max_length=300)]
    token: Annotated[str, Meta(max_length=300)] = field(default="", repr=False)
    fingerprint: Annotated[str, Meta(pattern=r"^(([0-9A-F]{2}:){31}[0-9A-F]{2})?\Z")] = ""


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """Which model a device runs.

    Attributes:
        model: Its name.
        sha256: That of its network.
        state: "on trial", "kept" or "taken back": what became of the newest model.
        why: Why the newest one was taken back.
    """

    model: str
    sha256: str
    state: str
    why: str


class _Running(TypedDict):
    name: str
    sha256: str


class _Models(TypedDict):
    """What is read of a device's GET /models."""

    running: _Running
    state: str
    why: str


def send_bundle(device: Device, bundle: bytes) -> dict[str, Any]:
    """Send a bundle; return what the device answered. Redirects are not followed.

    Where the certificate is not the confirmed one, neither bundle nor token leaves.

    Raises:
        UnconfirmedError: The certificate is not the confirmed one, or none was.
        DeviceError: The device refuses, cannot be reached, or gives no answer that is one.
        FerError: The address is none, or the bundle larger than devices take.
    """
    if len(bundle) > MOST_MODEL_BYTES:
        raise FerError(f"a device takes at most {MOST_MODEL_BYTES // 2**20} MiB")
    return _asked(device, "POST", bundle)


def ask_models(device: Device) -> DeviceModel:
    """Return which model a device runs, and what became of the newest one.

    Where the certificate is not the confirmed one, the token does not leave.

    Raises:
        UnconfirmedError: The certificate is not the confirmed one, or none was.
        DeviceError: The device refuses, cannot be reached, or gives no answer that is one.
        FerError: The address is none.
    """
    answer = _asked(device, "GET", None)
    try:
        told = convert_json(answer, _Models, "the answer")
    except FerError as error:
        fault = f"the device does not say which model it runs: {error}"
        raise DeviceError(fault, code="no_fer_edge", host=device.address) from error
    running = told["running"]
    words = (running["name"], running["sha256"], told["state"], told["why"])
    return DeviceModel(*(printable(each)[:_MOST_WORDS] for each in words))


def _asked(device: Device, method: str, content: bytes | None) -> dict[str, Any]:
    """Return what /models of a device answers."""
    connection = _connection(device)
    headers = {"Content-Type": "application/octet-stream"} if content is not None else {}
    if device.token:
        headers["Authorization"] = f"Bearer {_plain_token(device.token)}"
    host, ended = connection.host, threading.Timer(WHOLE_SECONDS, _cut, [connection])
    ended.daemon = True
    try:
        connection.connect()
        ended.start()
        connection.request(method, "/models", content, headers)
        with connection.getresponse() as answer:
            status, body = answer.status, answer.read(MOST_ANSWER_BYTES)
    except TimeoutError as error:
        words = f"{host} does not answer: is fer-edge --serve running there?"
        raise DeviceError(words, code="device_silent", host=host) from error
    except (OSError, HTTPException) as error:
        raise _unreachable(host, error) from error
    finally:
        ended.cancel()
        connection.close()
    return _understood(host, status, body)


def _connection(device: Device) -> HTTPConnection:
    """Return a connection that is not open yet; raise FerError for what is no address."""
    try:
        parts = urlsplit(device.address.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ToldError(f"no address: {error}", code="no_address") from error
    strange = parts.username is not None or parts.path not in ("", "/") or parts.query
    if parts.scheme not in ("http", "https") or not host or strange or not _is_plain(host):
        words = "the address of the device looks like http://pi.local:8080"
        raise ToldError(words, code="no_address")
    if parts.scheme == "http":
        if device.fingerprint:
            raise FerError("a certificate was confirmed, so the address begins with https://")
        return HTTPConnection(host, port or HTTP_PORT, timeout=ANSWER_SECONDS)
    if device.fingerprint:
        return PinnedConnection(host, port or HTTPS_PORT, ANSWER_SECONDS, device.fingerprint)
    return VerifiedConnection(host, port or HTTPS_PORT, timeout=ANSWER_SECONDS)


def _is_plain(host: str) -> bool:
    return all(ord(letter) > 32 and letter != "\x7f" for letter in host)


def _plain_token(token: str) -> str:
    """Return a token that can stand in a header; raise FerError for another."""
    if not (token.isascii() and token.isprintable()):
        words = "the token has letters that no token has: copy it again"
        raise ToldError(words, code="token_letters")
    return token.strip()


def _cut(connection: HTTPConnection) -> None:
    """End a connection under whoever waits for it."""
    if connection.sock is not None:
        try:
            # That of an SSLSocket would let the thread that sends go on unencrypted.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself


def _understood(host: str, status: int, body: bytes) -> dict[str, Any]:
    """Return the JSON of a device that took the bundle; raise DeviceError with its words if not."""
    if 300 <= status < 400:
        words = f"{host} sends us elsewhere ({status}): give the device's own address"
        raise DeviceError(words, code="device_redirects", host=host)
    if status == HTTPStatus.UNAUTHORIZED:
        words = f"{host} does not let us in: the token is missing or wrong"
        raise DeviceError(words, code="device_token", host=host)
    try:
        answer = read_json(body, dict[str, Any], "the answer")
    except FerError as error:
        line = body[:_MOST_WORDS].decode("utf-8", "replace").strip()
        if status in _REFUSALS and is_plain_name(line):
            raise _refused(host, line) from error
        raise DeviceError(
            f"{host} answers ({status}) what no fer-edge answers: is fer-edge --serve with "
            "--models FOLDER running there?",
            code="no_fer_edge",
            host=host,
        ) from error
    if status != HTTPStatus.OK:
        said = printable(str(answer.get("error", json.dumps(answer))))[:_MOST_WORDS]
        raise _refused(host, said)
    return answer


def _refused(host: str, said: str) -> DeviceError:
    return DeviceError(f"{host} says: {said}", code="device_says", host=host, said=said)


def _unreachable(host: str, error: Exception) -> DeviceError:
    words = f"{host} cannot be reached"
    if isinstance(error, ssl.SSLError) and error.reason:
        why = f"it does not encrypt as we do ({error.reason}): is its address http://?"
        return DeviceError(f"{words}: {why}", code="device_not_https", host=host)
    why = str(getattr(error, "strerror", None) or error or type(error).__name__)
    return DeviceError(f"{words}: {why}", code="device_unreachable", host=host, said=why)
