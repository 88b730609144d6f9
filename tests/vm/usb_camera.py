"""Runs on the computer as root: a USB camera (UVC, MJPEG) that shows pictures in turn.

python3 usb_camera.py WIDTHxHEIGHT JPEG...      five pictures a second

It is plugged in while this program runs. The kernel takes it from a socket (USB over IP, vhci_hcd),
so the USB stack, uvcvideo and udev are those of every USB camera. Pictures go by bulk transfers:
dummy_hcd, the other way to have a USB device without one, cannot stream.
"""

import collections
import select
import socket
import struct
import sys
import time
from pathlib import Path

PORTS = Path("/sys/devices/platform/vhci_hcd.0")
FREE, HIGH_SPEED = "004", 3
SUBMIT, UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
STALL, UNLINKED = -32, -104
GET_DESCRIPTOR, GET_CUR, SET_CUR, GET_LEN, GET_INFO = 6, 0x81, 0x01, 0x85, 0x86
PAYLOAD_BYTES = 16384
END_OF_HEADER, END_OF_FRAME = 0x80, 0x02
INTERVAL_SECONDS = 0.2
UNITS = int(INTERVAL_SECONDS * 10_000_000)  # of 100 ns


def descriptors(width: int, height: int) -> dict[int, bytes]:
    """Return what the device says of itself, by the kind and number of each descriptor."""
    pixels = width * height * 2
    control = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x0100, 40, 48_000_000, 1, 1)
    control += struct.pack("<BBBBHBBHHHB3s", 18, 0x24, 2, 1, 0x0201, 0, 0, 0, 0, 0, 3, b"\0\0\0")
    control += struct.pack("<BBBBHBBB", 9, 0x24, 3, 2, 0x0101, 0, 1, 0)
    streams = struct.pack("<BBBBHBBBBBBBB", 14, 0x24, 1, 1, 55, 0x81, 0, 2, 0, 0, 0, 1, 0)
    streams += struct.pack("<BBBBBBBBBBB", 11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0)
    bits = pixels * 8 * 5
    frame = (width, height, bits, bits, pixels, UNITS, 1, UNITS)
    streams += struct.pack("<BBBBBHHIIIIBI", 30, 0x24, 7, 1, 0, *frame)
    inside = struct.pack("<8B", 8, 0x0B, 0, 2, 0x0E, 3, 0, 0)
    inside += struct.pack("<9B", 9, 4, 0, 0, 0, 0x0E, 1, 0, 0) + control
    inside += struct.pack("<9B", 9, 4, 1, 0, 1, 0x0E, 2, 0, 0) + streams
    inside += struct.pack("<BBBBHB", 7, 5, 0x81, 2, 512, 0)
    return {
        0x0100: struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0xEF, 2, 1, 64, 0x1D6B, 0x0102, 0x0100, 1, 2, 0, 1
        ),
        0x0200: struct.pack("<BBHBBBBB", 9, 2, 9 + len(inside), 2, 1, 0, 0x80, 250) + inside,
        0x0300: struct.pack("<BBH", 4, 3, 0x0409),
        0x0301: text("fer-edge"),
        0x0302: text("Test camera"),
    }


def text(words: str) -> bytes:
    """Return a descriptor of a text."""
    coded = words.encode("utf-16-le")
    return struct.pack("<BB", 2 + len(coded), 3) + coded


class Device:
    """The camera, at the end of a socket to the kernel."""

    def __init__(self, kernel: socket.socket, size: str, pictures: list[bytes]) -> None:
        width, height = map(int, size.split("x"))
        self._kernel, self._pictures = kernel, pictures
        self._told = descriptors(width, height)
        most = width * height * 2
        self._stream = struct.pack(
            "<HBBIHHHHHII", 1, 1, 1, UNITS, 0, 0, 0, 0, 0, most, PAYLOAD_BYTES
        )
        self._waiting: collections.deque[tuple[int, int]] = collections.deque()
        self._parts: collections.deque[bytes] = collections.deque()
        self._shown, self._next = 0, 0.0

    def serve(self) -> None:
        """Answer until the kernel lets the device go."""
        while True:
            self._send_parts()
            pause = max(0.0, self._next - time.monotonic()) if self._waiting else None
            if select.select([self._kernel], [], [], pause)[0] and not self._answer():
                return

    def _answer(self) -> bool:
        head = self._read(48)
        if not head:
            return False
        kind, number, _, inward, endpoint = struct.unpack(">5I", head[:20])
        if kind == UNLINK:
            self._unlink(number, struct.unpack(">I", head[20:24])[0])
            return True
        length = struct.unpack(">I", head[24:28])[0]
        if endpoint:
            self._waiting.append((number, length))
            return True
        sent = b"" if inward else self._read(length)
        answer = self._control(head[40:48], sent)
        if answer is None:
            self._reply(number, b"", STALL)
        else:
            self._reply(number, answer[:length] if inward else b"", 0, None if inward else length)
        return True

    def _control(self, setup: bytes, sent: bytes) -> bytes | None:
        kind, request, value, index, length = struct.unpack("<BBHHH", setup)
        if kind & 0x60 == 0:  # what each USB device knows; SET_... need nothing here
            if request == GET_DESCRIPTOR:
                return self._told.get(value)
            return bytes(length) if kind & 0x80 else b""
        if index != 1 or value >> 8 not in (1, 2):  # of the stream: probe and commit alone
            return None
        if request == GET_LEN:
            return struct.pack("<H", len(self._stream))
        if request == GET_INFO:
            return b"\x03"
        return sent if request == SET_CUR else self._stream

    def _send_parts(self) -> None:
        """Answer what waits for pictures, as far as it is time."""
        while self._waiting:
            if not self._parts:
                if time.monotonic() < self._next:
                    return
                self._next = time.monotonic() + INTERVAL_SECONDS
                self._parts.extend(self._cut(self._pictures[self._shown % len(self._pictures)]))
                self._shown += 1
            self._reply(self._waiting.popleft()[0], self._parts.popleft())

    def _cut(self, picture: bytes) -> list[bytes]:
        """Return a picture as payloads, each with its head of two bytes."""
        most = PAYLOAD_BYTES - 2
        parts = [picture[at : at + most] for at in range(0, len(picture), most)]
        which = END_OF_HEADER | self._shown & 1
        heads = [which] * (len(parts) - 1) + [which | END_OF_FRAME]
        return [bytes([2, head]) + part for head, part in zip(heads, parts, strict=True)]

    def _unlink(self, number: int, wanted: int) -> None:
        found = [each for each in self._waiting if each[0] == wanted]
        for each in found:
            self._waiting.remove(each)
        head = struct.pack(">5Ii24x", RET_UNLINK, number, 0, 0, 0, UNLINKED if found else 0)
        self._kernel.sendall(head)

    def _reply(self, number: int, data: bytes, status: int = 0, done: int | None = None) -> None:
        length = len(data) if done is None else done
        head = struct.pack(">5IiIIII8x", RET_SUBMIT, number, 0, 0, 0, status, length, 0, 0, 0)
        self._kernel.sendall(head + data)

    def _read(self, length: int) -> bytes:
        got = b""
        while len(got) < length:
            part = self._kernel.recv(length - len(got))
            if not part:
                return b""
            got += part
        return got


def plug_in(kernel: socket.socket) -> None:
    """Give the device to the first free port of USB 2."""
    rows = [line.split() for line in (PORTS / "status").read_text().splitlines()]
    port = next(int(row[1]) for row in rows if row[0] == "hs" and row[2] == FREE)
    (PORTS / "attach").write_text(f"{port} {kernel.fileno()} {port + 1} {HIGH_SPEED}")


if __name__ == "__main__":
    ours, theirs = socket.socketpair()
    plug_in(theirs)
    theirs.close()
    Device(ours, sys.argv[1], [Path(name).read_bytes() for name in sys.argv[2:]]).serve()
