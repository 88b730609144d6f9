"""Serving a studio until Ctrl-C: everything that is opened is closed again."""

from __future__ import annotations

import os
import signal
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fer_core.errors import ArgumentError, FerError
from fer_core.files import make_folder
from fer_core.locks import alone_in
from fer_core.preprocess import InputSpec
from fer_edge.page.access import Access, ServeAddress, how_to_make_a_token
from fer_edge.page.door import Door
from fer_edge.page.server import PageServer
from fer_edge.sources.camera import open_camera
from fer_train.studio.camera import SharedCamera
from fer_train.studio.changes import Changes
from fer_train.studio.collection import Collection
from fer_train.studio.compare import Comparison
from fer_train.studio.finding import FaceFinder, best_detector
from fer_train.studio.jobs import Jobs
from fer_train.studio.listing import folders_in, has_pictures
from fer_train.studio.people import PeopleFolders
from fer_train.studio.requests import make_handler
from fer_train.studio.runs import RunFolders
from fer_train.studio.studio import Studio
from fer_train.studio.telephones import telephone_words

TOKEN = "FER_EDGE_TOKEN"
WAKE_SECONDS = 0.5
"""On Windows, Python before 3.14 takes Ctrl-C only between two waits."""


@dataclass(frozen=True, slots=True)
class StudioOptions:
    """What a studio is started with.

    Attributes:
        folder: Where crops and networks lie.
        camera: A number or an address; empty for none.
        detector: That of the faces; empty for yunet where it is installed, else haar.
        browser: Whether a browser is opened.
        https: Whether the page is encrypted, by a certificate of this computer's own.
        plain_http: Whether other computers may reach it unencrypted.
    """

    folder: Path
    camera: str = ""
    host: str = "127.0.0.1"
    port: int = 8600
    detector: str = ""
    browser: bool = True
    https: bool = False
    plain_http: bool = False


def run_studio(options: StudioOptions, say: Callable[[str], None]) -> None:
    """Serve a studio until Ctrl-C or SIGTERM.

    Raises:
        FerError: The folder, the address, the camera or the detector cannot be had.
        KeyboardInterrupt: The signal came; all is closed.
    """
    ended = threading.Event()
    with _signals(ended), open_studio(options) as (studio, server):
        address = server.door.access.address
        if words := telephone_words(server.door):
            say(words)
        say(f"studio on {address.url}; faces are found by {studio.finder.name}; Ctrl-C ends it")
        if options.browser:
            webbrowser.open(address_here(address).url)
        while not ended.wait(WAKE_SECONDS):
            pass
    raise KeyboardInterrupt


def address_here(address: ServeAddress) -> ServeAddress:
    """Return where this computer reaches what is served: of every address its own one."""
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    return replace(address, host=loopback.get(address.host, address.host))


@contextmanager
def open_studio(options: StudioOptions) -> Iterator[tuple[Studio, PageServer]]:
    """Serve a studio while the block runs.

    Raises:
        ArgumentError: Other computers reach the address, and encryption or a token lacks.
        FerError: The folder, the address, the camera or the detector cannot be had, or the folder
            holds class folders of pictures.
    """
    access = _access(options)
    finder = FaceFinder(options.detector or best_detector())
    _require_no_data_set(options.folder)
    folder = make_folder(options.folder)
    with ExitStack() as stack:
        stack.enter_context(
            alone_in(folder, "a studio", "end it with Ctrl-C, or choose another folder")
        )
        camera = None
        if options.camera:
            camera = SharedCamera(lambda: open_camera(options.camera, None, None))
            stack.enter_context(camera)
        collection, runs = Collection(folder / "faces", InputSpec()), RunFolders(folder / "runs")
        people = PeopleFolders(folder / "people", finder)
        changes = Changes()
        jobs = stack.enter_context(Jobs(folder / ".job", collection, runs, changes.tell))
        comparison = Comparison(finder, runs)
        studio = Studio(folder, collection, people, runs, finder, comparison, jobs, changes, camera)
        server = PageServer(make_handler(studio, Door.of(access)), changes.tell, "--port")
        yield studio, stack.enter_context(server)


def _require_no_data_set(folder: Path) -> None:
    """Make sure that a new studio does not put its folders among those of a data set."""
    if any(folders_in(folder / own) for own in ("faces", "people", "runs")):
        return  # a studio that has begun
    for name in folders_in(folder):
        if name not in ("faces", "people", "runs") and has_pictures(folder / name):
            raise FerError(
                f"{folder} holds pictures in {name}, as a data set does. A studio makes folders of "
                f"its own: choose another folder for it, such as {folder.name}-studio"
            )


def _access(options: StudioOptions) -> Access:
    """Return who may come in; raise ArgumentError where encryption or a token is needed."""
    address = ServeAddress(options.host, options.port, options.https)
    if not (options.https or options.plain_http or address.is_loopback):
        raise ArgumentError(
            f"other computers reach {options.host}, and without encryption others in the network "
            "can read pictures and the token: add --https, or --plain-http if you trust it",
            see="studio-needs-https",
        )
    token = os.environ.get(TOKEN, "")
    if not (token or address.is_loopback):
        raise ArgumentError(
            f"other computers reach {options.host}, so a token is needed: put one into ${TOKEN}; "
            f"{how_to_make_a_token()}",
            see="token-needed",
        )
    return Access(address, token)


@contextmanager
def _signals(ended: threading.Event) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a closed terminal set an event while the block runs.

    A second one ends the process at once; what it has begun ends with it.
    """
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    kinds = [getattr(signal, name) for name in names if hasattr(signal, name)]

    def take(number: int, frame: object) -> None:
        ended.set()
        for kind in kinds:
            signal.signal(kind, signal.SIG_DFL)

    before = {kind: signal.signal(kind, take) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
