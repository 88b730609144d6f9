"""The page of a run in Chromium: many cameras, a device that loses its power, and a restart."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fer_core.values import Frame
from fer_edge.faces.analysis import Analysis
from fer_edge.fleet.fleet import Fleet
from fer_edge.fleet.requests import make_handler
from fer_edge.history.place import Place
from fer_edge.page.access import Access
from fer_edge.page.door import Door
from fer_edge.page.server import PageServer
from fer_edge.page.view import LiveView
from history_rows import looks, saved
from served_page import LOOPBACK, Served
from studio_browser import NEEDS_BROWSER, PATIENCE_SECONDS, page_faults, visit

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
PATIENCE_MS = 1000 * PATIENCE_SECONDS
CAMERAS = ("door", "desk", "hall", "attic", "shop", "yard", "roof")


class Line:
    """A network between a browser and a server, which can go dead without ending a connection."""

    def __init__(self, port: int) -> None:
        self._to, self.is_dead = port, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def __enter__(self) -> Line:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._listener.close()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                if not self.is_dead.is_set():
                    other.sendall(data)
            if not self.is_dead.is_set():
                other.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def watching(view: LiveView) -> Iterator[None]:
    """Show frames of every camera while the block runs."""
    over = threading.Event()

    def show() -> None:
        pixels = np.full((48, 64, 3), 90, np.uint8)
        number = 0
        while not over.wait(0.05):
            number += 1
            for camera in view.cameras:
                view.write(Frame(pixels, number, number / 20, camera, camera=camera), Analysis())

    thread = threading.Thread(target=show)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_seven_cameras_are_shown_with_faces_and_history(tmp_path: Path) -> None:
    history = saved(tmp_path / "h.sqlite", looks(0, 1, "happy", ""))
    served = Served(history=Place(str(history)), view=LiveView(CAMERAS))
    with served.server, watching(served.view), sync_api.sync_playwright() as playwright:
        address = f"http://127.0.0.1:{served.server.port}/"
        with visit(playwright, address, tmp_path) as seen:
            page = seen.page
            sync_api.expect(page.locator("#words")).to_have_text("live")
            sync_api.expect(page.locator("#days")).to_contain_text("nobody in sight")
            for camera in CAMERAS:
                picture = page.get_by_alt_text(f"Live picture of {camera}")
                sync_api.expect(picture).to_have_js_property("naturalWidth", 64)
            assert page.evaluate("fetch('about').then((answer) => answer.status)") == 200
            assert page_faults(seen) == []


def words_when_dead(page: sync_api.Page, line: Line, told: str) -> sync_api.Locator:
    """Let a line die under a live page, and return the words that then tell so."""
    words = page.locator("#words")
    sync_api.expect(words).to_have_text("live")
    line.is_dead.set()
    sync_api.expect(words).to_have_text(told, timeout=PATIENCE_MS)
    return words


def test_a_device_without_power_is_no_longer_live(tmp_path: Path) -> None:
    served = Served()
    with (
        served.server,
        watching(served.view),
        Line(served.server.port) as line,
        sync_api.sync_playwright() as playwright,
        visit(playwright, f"http://127.0.0.1:{line.port}/", tmp_path) as seen,
    ):
        words = words_when_dead(seen.page, line, "no connection")
        line.is_dead.clear()
        sync_api.expect(words).to_have_text("live", timeout=PATIENCE_MS)


def test_a_fleet_whose_computer_is_off_is_no_longer_live(tmp_path: Path) -> None:
    fleet = Fleet()
    fleet.connected()
    server = PageServer(make_handler(fleet, Door(Access(LOOPBACK))), lambda: None)
    with (
        server,
        Line(server.port) as line,
        sync_api.sync_playwright() as playwright,
        visit(playwright, f"http://127.0.0.1:{line.port}/", tmp_path) as seen,
    ):
        words_when_dead(seen.page, line, "no connection to fer-edge fleet")
