"""A proxy before an RTSP server that damages what a camera sends over TCP."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

Damage = Callable[[bytearray], bytes]
"""Takes an RTP packet of the camera (RFC 3550); returns what goes on, b"" for nothing."""
_HEADER_BYTES = 12
TIMEOUT_SECONDS = 5.0


def intact(packet: bytearray) -> bytes:
    """Change nothing."""
    return bytes(packet)


def lossy(share: float) -> Damage:
    """Return what loses a share of the packets, the same ones every time."""
    chance = random.Random(0)
    return lambda packet: b"" if chance.random() < share else bytes(packet)


def flipping(share: float) -> Damage:
    """Return what flips a bit in a share of the packets, the same ones every time."""
    chance = random.Random(0)

    def flip(packet: bytearray) -> bytes:
        if chance.random() < share and len(packet) > 4 * _HEADER_BYTES:
            packet[chance.randrange(2 * _HEADER_BYTES, len(packet))] ^= 1 << chance.randrange(8)
        return bytes(packet)

    return flip


def thinned(seconds: float) -> Damage:
    """Return what passes one picture in so many seconds, numbered as if there were no others."""
    period, passed, number = -1, -1, 0

    def thin(packet: bytearray) -> bytes:
        nonlocal period, passed, number
        (ticks,) = struct.unpack_from("!I", packet, 4)
        if period != (period := int(ticks // (seconds * 90_000))):
            passed = ticks
        if ticks != passed:
            return b""
        number += 1
        struct.pack_into("!H", packet, 2, number % 2**16)
        return bytes(packet)

    return thin


def retimed(stamp: Callable[[int], int]) -> Damage:
    """Return what replaces each packet's time, in ticks of 1/90,000 s, by `stamp` of it."""

    def retime(packet: bytearray) -> bytes:
        (ticks,) = struct.unpack_from("!I", packet, 4)
        struct.pack_into("!I", packet, 4, stamp(ticks) % 2**32)
        return bytes(packet)

    return retime


class RtspProxy:
    """Passes one connection after another on to a server of this computer.

    Attributes:
        damage: What becomes of the camera's packets; may be set at any time.
        port: Where it listens.
        asked: The last of what clients sent.
        connections: How many clients came.
        passed_at: When the newest packet went on, by time.monotonic.
        stall_seconds: How long it stops once a second, in the middle of a packet.
    """

    def __init__(self, port: int) -> None:
        """Take the port of the server."""
        self.damage: Damage = intact
        self.asked, self.connections, self.passed_at = b"", 0, 0.0
        self.stall_seconds, self._stalled_at = 0.0, 0.0
        self._server_port, self._ending = port, threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.2)
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """Where the camera is, behind the proxy."""
        return f"rtsp://127.0.0.1:{self.port}/camera"

    def _serve(self) -> None:
        while not self._ending.is_set():
            with suppress(OSError):  # nobody came, or somebody left
                client = self._listening.accept()[0]
                self.connections += 1
                where = ("127.0.0.1", self._server_port)
                with client, socket.create_connection(where, TIMEOUT_SECONDS) as server:
                    client.settimeout(TIMEOUT_SECONDS)
                    self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        held = bytearray()
        while not self._ending.is_set():
            for ready in select.select([client, server], [], [], 0.2)[0]:
                came = ready.recv(1 << 16)
                if not came:
                    return
                if ready is client:
                    self.asked = (self.asked + came)[-(1 << 16) :]
                    server.sendall(came)
                else:
                    held += came
                    self._send(client, self._damaged(held))

    def _send(self, client: socket.socket, out: bytes) -> None:
        is_long = len(out) > 4 * _HEADER_BYTES
        if self.stall_seconds and is_long and time.monotonic() - self._stalled_at > 1:
            client.sendall(out[: -2 * _HEADER_BYTES])
            time.sleep(self.stall_seconds)
            self._stalled_at, out = time.monotonic(), out[-2 * _HEADER_BYTES :]
        client.sendall(out)

    def _damaged(self, held: bytearray) -> bytes:
        """Take what is complete from the front of `held`; return what goes on (RFC 2326, 10.12)."""
        out = bytearray()
        while held:
            if held[:1] != b"$":  # an answer to a request
                end = held.find(b"\r\n\r\n$") + 4
                end = end if end >= 4 else len(held)
                out += held[:end]
                del held[:end]
                continue
            size = 4 + int.from_bytes(held[2:4], "big")
            if len(held) < max(size, 4):
                break
            packet, channel = bytes(held[4:size]), held[1]
            del held[:size]
            if channel == 0:  # pictures; the next one is RTCP
                packet = self.damage(bytearray(packet))
                self.passed_at = time.monotonic() if packet else self.passed_at
            if packet:
                out += b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet
        return bytes(out)

    def __enter__(self) -> RtspProxy:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ending.set()
        self._thread.join(5)
        self._listening.close()
