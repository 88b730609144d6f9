"""The studio as people use it: Chromium, whose camera shows drawn faces, on the real server."""

import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import pytest

from drawn_faces import draw_scene
from fer_core.bundle import ModelBundle
from fer_edge.identity.descriptors import is_installed
from fer_edge.page.access import ServeAddress
from fer_edge.page.certificate import Certificate, own_certificate
from fer_train.studio.server import StudioOptions, open_studio
from mjpeg_server import MjpegServer
from new_models import renamed
from running_device import SHORT_TRIAL, running, slow
from studio_browser import (
    NEEDS_BROWSER,
    Visit,
    add_class,
    page_faults,
    save_camera,
    tab_faults,
    visit,
    wait_until,
)
from studio_picture import save_portrait_camera

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER
CLASSES = ("grin", "frown", "gasp")
"""None is a label of the model that a device runs at first."""
TRAINED = {"timeout": 600_000}
RECORDED = re.compile(r"Kept \d+ picture")
"""What is said at the end of a recording, and not before."""


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    with sync_api.sync_playwright() as started:
        yield started


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    options = StudioOptions(tmp_path / "studio", port=0, detector="haar", browser=False)
    with open_studio(options) as (_, server):
        yield f"http://127.0.0.1:{server.port}/"


@pytest.fixture
def encrypted_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    folder = tmp_path / "studio"
    options = StudioOptions(folder, port=0, detector="haar", browser=False, https=True)
    with open_studio(options) as (_, server):
        yield f"https://127.0.0.1:{server.port}/"


class Device(BaseHTTPRequestHandler):
    """Takes a model as a device does, with its token."""

    taken: tuple[bytes, ...] = ()
    token = "a-token-of-the-device"

    def do_POST(self) -> None:
        bundle = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != f"Bearer {self.token}":
            self.answer(401, {"error": "a token is needed"})
        else:
            Device.taken += (bundle,)
            self.answer(200, {"model": "mine-int8", "state": "on trial", "seconds": 60})

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == f"Bearer {self.token}"
        running = {"name": "mine-int8", "sha256": "ab", "labels": []}
        self.answer(200, {"running": running, "state": "kept", "why": "", "before": None})

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return own_certificate(ServeAddress("127.0.0.1", 0, https=True), tmp_path)


@pytest.fixture
def device(certificate: Certificate) -> Iterator[str]:
    """The address of a device whose certificate is its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Device) as server:
        server.socket = certificate.context().wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def card(page: Any, name: str, kind: str = "Class") -> Any:
    return page.locator(f"section[aria-label='{kind} {name}']")


def count(page: Any, name: str) -> int:
    return int(card(page, name).locator(".count").text_content().split()[0])


def hint(page: Any) -> str:
    return str(page.locator("#hint").text_content())


def hold(page: Any, name: str, true: Callable[[], bool]) -> None:
    """Press the button of a class until it is enough."""
    button = card(page, name).locator(".hold")
    button.scroll_into_view_if_needed()
    place = button.bounding_box()
    page.mouse.move(place["x"] + 20, place["y"] + 20)
    page.mouse.down()
    wait_until(page, true)
    page.mouse.up()
    wait_until(page, lambda: RECORDED.match(hint(page)) is not None)


def photos(folder: Path, name: str, expression: str, number: int) -> list[str]:
    """Write drawn faces as files to drop."""
    files = [folder / f"{name}_{each}.png" for each in range(number)]
    for each, file in enumerate(files):
        x, size = 120 + 5 * each, 180 + 3 * each
        cv2.imwrite(str(file), draw_scene(expression, x, 120, size, seed=500 + each))
    return [str(file) for file in files]


def drop(page: Any, name: str, files: list[str]) -> None:
    card(page, name).locator("input[type=file]").set_input_files(files)
    wait_until(page, lambda: re.match(r"Kept \d+ of", hint(page)) is not None)


def show_three_classes(seen: Visit, folder: Path) -> None:
    """One class by the camera, with bad shots; two by files, one of which holds a wrong face."""
    page = seen.page
    for name in CLASSES:
        add_class(page, name)
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    told = ("#hint", "#spoken")
    no_face = "No face found. Turn to the camera"
    hold(page, "grin", lambda: all(page.text_content(each).startswith(no_face) for each in told))
    hold(page, "grin", lambda: count(page, "grin") >= 16)
    drop(page, "frown", photos(folder, "down", "sad", 16))
    drop(page, "gasp", photos(folder, "oh", "surprise", 16))
    drop(page, "frown", [*photos(folder, "odd", "happy", 1), *photos(folder, "odd", "happy", 1)])
    assert "1 the same" in page.locator("#hint").text_content()
    wait_until(page, lambda: count(page, "frown") == 17)


def note_job_words(page: Any) -> None:
    """Let the page note all that it says of a job; a test may look too late for some of it."""
    page.evaluate(
        "window.jobWords = []; const line = document.getElementById('job-words');"
        "new MutationObserver(() => jobWords.push(line.textContent))"
        ".observe(line, { childList: true }); 0"
    )


def train(seen: Visit, folder: Path) -> None:
    """Train a few epochs, see the wrong picture among the mistakes and give it its class."""
    page = seen.page
    page.route("**/api/train?*", lambda route: route.continue_(url=f"{route.request.url}&epochs=8"))
    page.click("#steps a[href='#train']")
    page.select_option("#init", "fer-nano")
    note_job_words(page)
    page.click("#train-button")
    page.wait_for_selector("#curve polyline", **TRAINED)
    seen.shoot("3-training")
    page.wait_for_selector("#result:not([hidden]) .figure", **TRAINED)
    told = page.evaluate("jobWords")
    assert [each for each in told if re.match(r"epoch \d of 8", each)], told
    assert re.fullmatch(r"\d+ %", page.locator(".figure strong").text_content())
    assert page.locator(".confusion tbody tr").count() == 3
    for words in ("Judged by", "int8 answers"):
        page.get_by_text(words).wait_for()
    mistake = page.locator(".mistakes li", has_text=re.compile("^frown, taken for grin"))
    mistake.locator("button.tile").click()
    seen.shoot("4-result")
    mistake.get_by_role("button", name="Give it this class").click()
    page.get_by_text("now grin").wait_for()
    page.get_by_role("button", name="Train again").click()
    assert page.evaluate("document.activeElement.id") == "train-button"
    faces = folder / "studio" / "faces"
    assert [path.parent.name for path in faces.rglob("odd*.png")] == ["grin"]


def confirm_certificate(page: Any, device: str, certificate: Certificate) -> None:
    """See that it is another one than before, refuse it, confirm it, be asked for the token."""
    page.evaluate(f"localStorage.setItem('certificate {device}', '{':'.join(['AB'] * 32)}')")
    page.click("#send")
    page.get_by_text("another certificate than the one you confirmed").wait_for()
    page.click("#send")
    page.click("#ask [value=no]")
    page.wait_for_selector("#deployed.bad")
    page.click("#send")
    page.locator("#ask-exact", has_text=certificate.fingerprint).wait_for()
    page.click("#ask-yes")
    page.get_by_text("the token is missing or wrong").wait_for()


def use(seen: Visit, folder: Path, device: str, certificate: Certificate) -> None:
    """Compare both models, download the new one, and send it to a device."""
    page = seen.page
    page.click("#steps a[href='#use']")
    page.wait_for_selector(".answer.new .label")
    titles = [each.text_content() for each in page.locator(".answer h3").all()[:2]]
    assert titles == ["mine (new)", "fer-nano (as shipped)"]
    assert page.locator(".answer.new").first.locator(".bar").count() == 3
    page.wait_for_selector("#boxes span")
    with page.expect_download() as download:
        page.click("#download")
    assert ModelBundle.load(Path(download.value.path())).manifest.labels == tuple(sorted(CLASSES))
    file = download.value.suggested_filename
    assert page.text_content("#download-command") == f"fer-edge --camera 0 --model {file}"
    page.fill("#address", f"{device}/")
    confirm_certificate(page, device, certificate)
    page.fill("#token", Device.token)
    page.click("#send")
    page.wait_for_selector("#deployed.good")
    assert "on trial for 60 s" in page.locator("#deployed").text_content()
    page.get_by_text("The device keeps mine-int8.").wait_for()
    (sent,) = Device.taken
    assert sent == next((folder / "studio" / "runs" / "mine").glob("*-int8.tflite")).read_bytes()
    seen.shoot("5-use")


def send(page: Any, name: str) -> None:
    """Choose a model and send it."""
    page.select_option("#model", name)
    page.click("#send")


def add_broken_and_slow(runs: Path) -> None:
    """Put two runs beside that of the walk: its bundle with one bit changed, and renamed."""
    bundle = (runs / "mine" / "mine-int8.tflite").read_bytes()
    broken = bytearray(bundle)
    broken[len(broken) // 4] ^= 1
    slowed = renamed(ModelBundle.load(runs / "mine" / "mine-int8.tflite"), "slow", mark="")
    for name, content in {"broken": bytes(broken), "slow": slowed.to_bytes()}.items():
        (runs / name).mkdir()
        (runs / name / f"{name}-int8.tflite").write_bytes(content)


def deploy(seen: Visit, folder: Path) -> None:
    """Send the model to a fer-edge that runs, then a broken one, then one that is slow there."""
    page, runs, there = seen.page, folder / "studio" / "runs", folder / "device"
    add_broken_and_slow(runs)
    there.mkdir()
    faces = [draw_scene("happy", x=200 + abs(step)) for step in range(-20, 20, 2)]
    jpegs = [cv2.imencode(".jpg", face)[1].tobytes() for face in faces]
    with (
        MjpegServer(jpegs, 1 / 15) as camera,
        running(camera, there, SHORT_TRIAL + slow("slow-int8")) as runner,
    ):
        assert runner.lines("events.jsonl")[-1]["label"] == "happy"
        page.reload()
        page.fill("#address", f"http://127.0.0.1:{runner.port}")
        send(page, "mine")
        page.get_by_text("The device keeps mine-int8.").wait_for()
        runner.wait_until(lambda: runner.lines("events.jsonl")[-1]["label"] in CLASSES)
        assert set(runner.lines("seen.jsonl")[-1]["probabilities"]) == set(CLASSES)
        send(page, "broken")
        page.get_by_text("is damaged: its hash is not the manifest's").wait_for()
        assert page.locator("#deployed.bad").is_visible()
        seen.shoot("5-refused")
        assert [each.name for each in (there / "models").glob("*.tflite")] == ["mine-int8.tflite"]
        assert runner.models()["running"]["name"] == "mine-int8"
        send(page, "slow")
        page.get_by_text("The device took slow-int8 back: it takes").wait_for()
        assert "times as long as the model before" in page.text_content("#deployed")
        assert page.text_content("#deployed").endswith("It runs mine-int8.")
        seen.shoot("5-taken-back")
        runner.wait_until(lambda: runner.models()["running"]["name"] == "mine-int8")
        runner.wait_until(
            lambda: set(runner.lines("seen.jsonl")[-1]["probabilities"]) == set(CLASSES)
        )
        runner.end()
    kinds = [(each["kind"], each["label"]) for each in runner.lines("events.jsonl")]
    assert kinds[0] == ("started", "happy")
    assert {label for kind, label in kinds[2:] if kind == "started"} <= set(CLASSES)


@pytest.mark.slow
def test_from_an_empty_page_to_a_model_on_a_device(
    playwright: Any, address: str, device: str, certificate: Certificate, tmp_path: Path
) -> None:
    camera = save_camera(tmp_path / "camera.mjpeg", "happy", faces=150, nobody=60)
    with visit(playwright, address, camera) as seen:
        seen.shoot("1-empty")
        show_three_classes(seen, tmp_path)
        seen.shoot("2-show")
        faults = page_faults(seen)
        train(seen, tmp_path)
        faults += page_faults(seen)
        refused = [each for each in seen.faults if "502" in each or "401" in each]
        use(seen, tmp_path, device, certificate)
        faults += page_faults(seen)
        deploy(seen, tmp_path)
        faults += page_faults(seen)
        told = [each for each in faults if "502 (Bad Gateway)" not in each]  # the device's refusal
        assert (told, refused) == ([], [])


def test_classes_and_pictures_are_kept_in_order(
    playwright: Any, address: str, tmp_path: Path
) -> None:
    camera = save_camera(tmp_path / "camera.mjpeg", "happy")
    with visit(playwright, address, camera) as seen:
        page = seen.page
        assert page.locator("#to-train").is_hidden()
        add_class(page, "happy")
        add_class(page, "wink")
        page.fill("#new-class", "happy")
        page.keyboard.press("Enter")
        wait_until(page, lambda: "already" in page.locator("#trouble").text_content())
        drop(page, "happy", photos(tmp_path, "smile", "happy", 6))
        wait_until(page, lambda: count(page, "happy") == 6)
        tiles = card(page, "happy").locator(".thumbs button")
        tiles.nth(0).focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        assert "2 pictures chosen" in card(page, "happy").locator(".actions").text_content()
        card(page, "happy").get_by_role("button", name="Move").click()
        wait_until(page, lambda: count(page, "wink") == 2)
        card(page, "wink").locator(".thumbs button").nth(0).click()
        card(page, "wink").get_by_role("button", name="Delete", exact=True).click()
        wait_until(page, lambda: page.locator(".thumbs button").count() == 5)
        card(page, "wink").locator(".title").fill("eye shut")
        page.keyboard.press("Enter")
        card(page, "eye shut").wait_for()
        card(page, "eye shut").get_by_role("button", name="Delete the class").click()
        page.click("#ask-yes")
        card(page, "eye shut").wait_for(state="detached")
        stored = sorted(path.name for path in (tmp_path / "studio" / "faces").rglob("*.png"))
        assert len(stored) == 4
        wait_until(page, lambda: count(page, "happy") == 4)
        assert [each for each in page_faults(seen) if "400 (Bad Request)" not in each] == []


def test_a_class_is_renamed_only_after_its_pictures_have_loaded(
    playwright: Any, address: str, tmp_path: Path
) -> None:
    camera = save_camera(tmp_path / "camera.mjpeg", "happy")
    with visit(playwright, address, camera) as seen:
        page = seen.page
        add_class(page, "wink")
        held: list[Any] = []

        def hold_first(request: Any) -> None:
            if held:
                request.continue_()
            else:
                held.append(request)

        page.route("**/api/pictures?class=wink", hold_first)
        drop(page, "wink", photos(tmp_path, "wink", "happy", 2))
        wait_until(page, lambda: bool(held) and count(page, "wink") == 2)
        card(page, "wink").locator(".title").fill("shut")
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        held[0].continue_()
        card(page, "shut").wait_for()
        wait_until(page, lambda: card(page, "shut").locator(".thumbs button").count() == 2)
        assert page_faults(seen) == []


def test_keys_record_and_the_tab_key_goes_through_the_page(
    playwright: Any, encrypted_address: str, tmp_path: Path
) -> None:
    camera = save_camera(tmp_path / "camera.mjpeg", "sad")
    with visit(playwright, encrypted_address, camera) as seen:
        page = seen.page
        add_class(page, "sad")
        assert tab_faults(seen) == []
        page.focus("#start")
        page.keyboard.press("Enter")
        page.wait_for_selector("#video:not([hidden])")
        card(page, "sad").locator(".hold").focus()
        page.keyboard.down("Space")
        wait_until(page, lambda: count(page, "sad") >= 3)
        page.keyboard.up("Space")
        wait_until(page, lambda: RECORDED.match(hint(page)) is not None)
        number = int(hint(page).split()[1])
        wait_until(page, lambda: count(page, "sad") == number)
        page.wait_for_timeout(700)
        assert count(page, "sad") == number  # nothing is recorded any more
        assert tab_faults(seen) == []
        for step in ("train", "use", "people"):
            page.goto(f"{encrypted_address}#{step}")
            assert tab_faults(seen) == []
        assert page_faults(seen) == []
        show_other_devices(seen)
        assert page_faults(seen) == []


@pytest.mark.skipif(not is_installed(), reason="needs dlib: pip install '.[identity]'")
def test_people_are_shown_known_again_and_deleted(
    playwright: Any, address: str, tmp_path: Path
) -> None:
    camera = save_portrait_camera(tmp_path / "camera.mjpeg")
    with visit(playwright, address, camera) as seen:
        page, stored = seen.page, tmp_path / "studio" / "people"
        page.click("#steps a[href='#people']")
        page.fill("#new-person", "Eileen")
        page.keyboard.press("Enter")
        person = card(page, "Eileen", "Person")
        person.wait_for()
        page.click("#start")
        page.wait_for_selector("#video:not([hidden])")
        button = person.locator(".hold")
        button.focus()
        page.keyboard.down("Space")
        wait_until(page, lambda: hint(page).startswith("The same as a picture that is there"))
        page.keyboard.up("Space")
        wait_until(page, lambda: RECORDED.match(hint(page)) is not None)
        wait_until(page, lambda: "more pictures" in person.text_content())
        other = str(tmp_path / "other.png")
        cv2.imwrite(other, draw_scene("happy"))
        person.locator("input[type=file]").set_input_files([other])
        wait_until(page, lambda: "1 another person" in hint(page))
        wait_until(page, lambda: page.text_content("#who") == "In sight: Eileen.")
        assert page.text_content("#boxes b") == "Eileen"
        assert page.text_content("#people-command").endswith(f"--faces {stored}")
        seen.shoot("7-people")
        assert [*tab_faults(seen), *page_faults(seen)] == []
        with page.expect_download() as download:
            page.click("#people-zip")
        names = zipfile.ZipFile(download.value.path()).namelist()
        assert names
        assert names == [f"people/Eileen/{path.name}" for path in sorted(stored.glob("*/*.png"))]
        person.get_by_role("button", name="Delete the person").click()
        page.click("#ask-yes")
        person.wait_for(state="detached")
        assert list(stored.iterdir()) == []
        assert page.locator("#use-people").is_hidden()
        assert page_faults(seen) == []


def show_other_devices(seen: Visit) -> None:
    """Open the page as if it were served to other computers, too; see code and fingerprint."""
    page, fingerprint = seen.page, ":".join(["AB"] * 32)
    told = {"addresses": ["https://desk.local:8600/"], "fingerprint": fingerprint}
    page.route("**/api/address", lambda route: route.fulfill(json=told))
    page.reload()
    page.click("summary")
    assert page.text_content("#fingerprint") == fingerprint
    wait_until(page, lambda: page.evaluate("document.getElementById('qr').naturalWidth > 100"))
    seen.shoot("6-other-devices")


def test_a_browser_without_a_camera_takes_the_computers(playwright: Any, tmp_path: Path) -> None:
    scenes = [draw_scene("happy", 150 + 2 * each, seed=each) for each in range(60)]
    jpegs = [cv2.imencode(".jpg", scene)[1].tobytes() for scene in scenes]
    none = save_camera(tmp_path / "none.mjpeg", "sad", faces=2)
    with MjpegServer(jpegs, 0.1) as camera:
        folder = tmp_path / "studio"
        options = StudioOptions(folder, camera.url, port=0, detector="haar", browser=False)
        with (
            open_studio(options) as (_, server),
            visit(playwright, f"http://127.0.0.1:{server.port}/", none) as seen,
        ):
            page = seen.page
            over_http = "Object.defineProperty(Navigator.prototype, 'mediaDevices', {value: null})"
            page.add_init_script(over_http)
            page.reload()
            wait_until(page, lambda: "--https" in page.text_content("#no-camera"))
            page.click("#start")
            page.wait_for_selector("#stream:not([hidden])")
            add_class(page, "happy")
            hold(page, "happy", lambda: count(page, "happy") >= 3)
            page.wait_for_selector("#boxes span", state="detached")
            page.click("#start")
            page.wait_for_selector("#stream", state="hidden")
            assert page_faults(seen) == []
