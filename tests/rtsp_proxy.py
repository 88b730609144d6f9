"""A proxy before an RTSP server that damages what a camera sends over TCP."""

from __future__ import annotations

import random
import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

Damage = Callable[[bytearray], bytes]
"""Takes an RTP packet of the camera (RFC 3550); returns what goes on, b"" for nothing."""
HEADER_BYTES = 12


def intact(packet: bytearray) -> bytes:
    """Change nothing."""
    return bytes(packet)


def lossy(share: float, seed: int = 0) -> Damage:
    """Return what loses a share of the packets."""
    chance = random.Random(seed)
    return lambda packet: b"" if chance.random() < share else bytes(packet)


def flipping(share: float, seed: int = 0) -> Damage:
    """Return what flips one bit in a share of the packets, behind their headers."""
    chance = random.Random(seed)

    def flip(packet: bytearray) -> bytes:
        if chance.random() < share and len(packet) > HEADER_BYTES + 32:
            packet[chance.randrange(HEADER_BYTES + 16, len(packet))] ^= 1 << chance.randrange(8)
        return bytes(packet)

    return flip


def retimed(stamp: Callable[[int], int]) -> Damage:
    """Return what replaces each packet's time (ticks of 1/90,000 s) by `stamp` of it."""

    def retime(packet: bytearray) -> bytes:
        (ticks,) = struct.unpack_from("!I", packet, 4)
        struct.pack_into("!I", packet, 4, stamp(ticks) % 2**32)
        return bytes(packet)

    return retime


class RtspProxy:
    """Passes one connection after another to a server on the loopback.

    Attributes:
        damage: What becomes of the camera's pictures; may be set at any time.
        asked: What clients sent.
        packets: How many packets came from the camera.
    """

    def __init__(self, port: int, damage: Damage = intact) -> None:
        self.damage, self.asked, self.packets = damage, b"", 0
        self.connections = 0
        self._port, self._ending = port, threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        self._listening.settimeout(0.2)
        while not self._ending.is_set():
            try:
                client = self._listening.accept()[0]
            except TimeoutError:
                continue
            self.connections += 1
            with (
                client,
                suppress(OSError),
                socket.create_connection(("127.0.0.1", self._port)) as server,
            ):
                self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        held = bytearray()
        while not self._ending.is_set():
            for ready in select.select([client, server], [], [], 0.2)[0]:
                if not (came := ready.recv(1 << 16)):
                    return
                if ready is client:
                    self.asked = (self.asked + came)[-(1 << 16) :]
                    server.sendall(came)
                else:
                    held += came
                    client.sendall(self._damaged(held))

    def _damaged(self, held: bytearray) -> bytes:
        """Take what is complete from the front of `held`; return it as it goes on (RFC 2326, 10.12)."""
        out = bytearray()
        while held:
            if held[:1] != b"$":  # an answer to a request
                end = held.find(b"$") if b"\r\n\r\n$" in held else len(held)
                end = held.find(b"\r\n\r\n$") + 4 if b"\r\n\r\n$" in held else len(held)
                out += held[:end]
                del held[:end]
                continue
            size = 4 + int.from_bytes(held[2:4], "big")
            if len(held) < max(size, 4):
                break
            packet, channel = held[4:size], held[1]
            del held[:size]
            if channel == 0:
                self.packets += 1
                packet = bytearray(self.damage(packet))
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
