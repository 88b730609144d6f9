"""What the studio's page owes to those who use keys, several tabs or a telephone."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_edge.inference.models import load_model
from fer_train.studio.changes import Changes
from fer_train.studio.runs import LearnedPicture, Mistake, RunNotes
from fer_train.studio.server import StudioOptions, open_studio
from fer_train.studio.studio import Studio
from studio_browser import (
    BROWSER,
    NEEDS_BROWSER,
    TELEPHONE,
    Visit,
    add_class,
    page_faults,
    save_camera,
    visit,
    wait_until,
)

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = NEEDS_BROWSER


def fill(studio: Studio, pictures: int, *names: str) -> None:
    """Make classes, the first of which has pictures."""
    for name in names:
        studio.collection.add(name)
    for each in range(pictures):
        face = cv2.resize(draw_scene("happy", seed=each), (48, 48))[..., :1]
        studio.collection.keep(names[0], "first", face)


def add_run(studio: Studio, name: str, made: str = "2026-11-27T10:15:00") -> None:
    """Make a run of all classes that takes each picture of the first class for the second."""
    names = studio.collection.names()
    pictures = [
        LearnedPicture(name, path.name, hashlib.sha256(path.read_bytes()).hexdigest(), True)
        for name in names
        for path in studio.collection.paths(name)
    ]
    first, second, *_ = sorted(names, key=lambda each: -len(studio.collection.pictures(each)))
    confusion = np.zeros((len(names), len(names)), int)
    wrong = [each for each in pictures if each.label == first]
    confusion[names.index(first), names.index(second)] = len(wrong)
    notes = RunNotes(
        made=made,
        init="fer-nano",
        labels=tuple(names),
        pictures=tuple(pictures),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        mistakes=tuple(Mistake(first, each.file, second, 0.97) for each in wrong),
    )
    studio.runs.save_notes(name, notes)
    (studio.runs.folder / name / f"{name}-int8.tflite").write_bytes(
        load_model("fer-nano").to_bytes()
    )


def fill_and_train(studio: Studio, pictures: int) -> None:
    """Make two classes, and a run of them."""
    fill(studio, pictures, "happy", "wink")
    add_run(studio, "mine")


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Visit]:
    """The page, with two classes: happy of six pictures, and an empty one."""
    with page_of(tmp_path, lambda studio: fill(studio, 6, "happy", "wink")) as seen:
        yield seen


@contextmanager
def page_of(tmp_path: Path, prepare: Callable[[Studio], None]) -> Iterator[Visit]:
    """Open the page of a studio that was prepared."""
    with studio_and_page(tmp_path, prepare) as (_, seen):
        yield seen


@contextmanager
def studio_and_page(
    tmp_path: Path, prepare: Callable[[Studio], None]
) -> Iterator[tuple[Studio, Visit]]:
    """Open a studio that was prepared, and its page."""
    camera = save_camera(tmp_path / "camera.mjpeg", "happy", faces=30)
    options = StudioOptions(tmp_path / "studio", port=0, detector="haar", browser=False)
    with (
        open_studio(options) as (studio, server),
        sync_api.sync_playwright() as playwright,
    ):
        prepare(studio)
        with visit(playwright, f"http://127.0.0.1:{server.port}/", camera) as seen:
            yield studio, seen


def card(seen: Visit, name: str) -> Any:
    return seen.page.locator(f"section[aria-label='Class {name}']")


def test_another_step_ends_the_recording_and_says_that_the_camera_is_on(seen: Visit) -> None:
    page = seen.page
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    card(seen, "wink").get_by_role("button", name="Timer: 10 s").click()
    page.wait_for_selector("#hint.good:not(:empty)")
    page.click("#steps a[href='#train']")
    page.get_by_text("The camera is on.").wait_for()
    wait_until(page, lambda: spoken(seen).startswith("Kept"))  # the last shot is answered
    files = card(seen, "wink").locator(".thumbs li")
    before = files.count()
    page.wait_for_timeout(1000)
    assert before > 0
    assert files.count() == before
    page.locator("#stop-camera").click()
    assert page.locator("#camera-is-on").is_hidden()


def test_the_skip_link_leads_to_the_content_of_the_step(seen: Visit) -> None:
    page = seen.page
    page.click("#steps a[href='#train']")
    page.focus("#skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator("#train").wait_for()
    assert page.url.endswith("#train")
    page.evaluate("location.hash = 'enough'")
    page.locator("#train").wait_for()


def test_a_button_that_is_pressed_again_before_the_last_shot_is_answered_ends_its_recording(
    seen: Visit,
) -> None:
    page, held, button = seen.page, [], card(seen, "wink").locator(".hold")
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")

    def hold_back(route: Any) -> None:
        held.append(route)

    page.route("**/api/shots?*", hold_back)
    button.scroll_into_view_if_needed()
    button.hover()
    page.mouse.down()
    wait_until(page, lambda: len(held) == 1)
    page.mouse.up()
    page.mouse.down()
    wait_until(page, lambda: len(held) == 2)
    refused = {"kept": False, "why": "same", "box": None}
    held[0].fulfill(json=refused)
    page.wait_for_timeout(400)  # the first recording ends, while the button is held
    page.mouse.up()
    held[1].fulfill(json=refused)
    wait_until(page, lambda: "of no use" in spoken(seen))
    page.wait_for_timeout(600)  # three shots of a recording that goes on
    assert "on" not in button.get_attribute("class").split()
    assert len(held) == 2


def test_that_files_beyond_the_first_5000_are_left_is_said(seen: Visit) -> None:
    page = seen.page
    page.evaluate(
        """async () => {
          window.asked = 0;
          window.fetch = async () => {
            asked += 1;
            return new Response('{"kept": false, "why": "same", "box": null}');
          };
          const picture = new File(["x"], "face.png");
          const file = { isFile: true, file: (done) => done(picture) };
          let left = [Array(5001).fill(file), []];
          const folder = { createReader: () => ({ readEntries: (done) => done(left.shift()) }) };
          const dropped = new Event("drop", { bubbles: true, cancelable: true });
          const items = [{ webkitGetAsEntry: () => folder }];
          Object.defineProperty(dropped, "dataTransfer", { value: { types: ["Files"], items } });
          document.querySelector("section[aria-label='Class wink']").dispatchEvent(dropped);
        }"""
    )
    wait_until(page, lambda: "There were more files" in spoken(seen))
    assert spoken(seen).startswith("Kept 0 of 5000 pictures. Left out: 5000 the same as before.")
    assert page.text_content("#hint") == spoken(seen)
    assert page.evaluate("asked") >= 5000


def focused(seen: Visit) -> str:
    """What has the focus: its id, its label, its picture's or its words."""
    look = "(each) => each.id || each.ariaLabel || each.querySelector('img')?.alt"
    return str(seen.page.evaluate(f"({look} || each.textContent)(document.activeElement)"))


def wait_for_focus(seen: Visit, wanted: str) -> None:
    wait_until(seen.page, lambda: focused(seen) == wanted)


def spoken(seen: Visit) -> str:
    return str(seen.page.text_content("#spoken"))


def test_the_focus_stays_where_the_work_goes_on(seen: Visit) -> None:
    page, happy = seen.page, card(seen, "happy")
    page.fill("#new-class", "happy")
    page.keyboard.press("Enter")
    page.wait_for_selector("#trouble button")
    page.focus("#trouble button")
    page.keyboard.press("Enter")
    wait_for_focus(seen, "new-class")
    happy.locator(".thumbs button").nth(1).click()
    happy.get_by_role("button", name="Move", exact=True).click()
    wait_for_focus(seen, "happy, first~0004")
    assert spoken(seen) == "1 picture moved to wink."
    happy.locator(".title").fill("smile")
    page.keyboard.press("Enter")
    card(seen, "smile").wait_for()
    wait_for_focus(seen, "Name of the class")
    assert spoken(seen) == "happy is now called smile."
    card(seen, "smile").get_by_role("button", name="Delete the class smile").click()
    assert page.get_by_role("dialog", name="Delete the class smile").is_visible()
    page.click("#ask-yes")
    wait_for_focus(seen, "Class wink")
    assert spoken(seen) == "smile is deleted."
    assert page.get_by_role("heading", level=2).count() == 1
    card(seen, "wink").get_by_role("button", name="Delete the class wink").click()
    page.click("#ask-yes")
    wait_for_focus(seen, "new-class")


def test_the_login_leads_to_the_step_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "a-token-of-24-characters"
    monkeypatch.setenv("FER_EDGE_TOKEN", token)
    options = StudioOptions(tmp_path / "studio", port=0, detector="haar", browser=False)
    with (
        open_studio(options) as (_, server),
        sync_api.sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=BROWSER)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/#people")
        assert page.title() == page.text_content("h1") == "fer-train studio"
        page.get_by_text("held when fer-train studio was started").wait_for()
        for text in ("wrong-token-of-24-letters", token):
            page.fill("#token", text)
            page.click("button")
            page.wait_for_load_state()
        page.wait_for_selector("#status.well")
        assert page.url.endswith("#people")
        assert page.locator("#people").is_visible()
        browser.close()


def test_what_is_gone_is_not_chosen_and_a_drop_beside_a_card_does_nothing(
    seen: Visit, tmp_path: Path
) -> None:
    page, happy, faces = seen.page, card(seen, "happy"), tmp_path / "studio" / "faces"
    for each in range(3):
        happy.locator(".thumbs button").nth(each).click()
    (faces / "happy" / "first~0006.png").unlink()  # the newest; no page hears of it
    happy.get_by_role("button", name="Delete", exact=True).click()
    wait_until(page, lambda: happy.locator(".thumbs li").count() == 3)
    assert page.text_content("#trouble") == ""
    assert spoken(seen) == "2 pictures deleted."
    assert len(list((faces / "happy").iterdir())) == 3
    happy.locator(".thumbs button").nth(0).click()
    (faces / "happy" / "first~0003.png").rename(faces / "happy" / "other~0001.png")
    add_class(page, "sad")  # a state with as many pictures as before
    happy.locator("img[alt='happy, other~0001']").wait_for()
    assert happy.locator(".actions").is_hidden()
    data = page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File([''], 'a.png')); return d; }"
    )
    page.dispatch_event("footer", "drop", {"dataTransfer": data})
    wait_until(page, lambda: "Drop pictures on a class" in page.text_content("#trouble"))
    large = tmp_path / "large.png"
    large.write_bytes(bytes(20_000_001))
    happy.locator("input[type=file]").set_input_files([large])
    wait_until(page, lambda: page.text_content("#hint").endswith("1 larger than 20 MB."))


def test_a_result_with_a_long_name_fits_a_telephone(tmp_path: Path) -> None:
    def prepare(studio: Studio) -> None:
        fill(studio, 6, "\N{GRINNING FACE}" * 40, "happy")
        add_run(studio, "mine")

    with page_of(tmp_path, prepare) as seen:
        page = seen.page
        page.click("#steps a[href='#train']")
        page.locator(".mistakes button.tile").nth(1).click()
        seen.shoot("8-long-name")
        assert page_faults(seen) == []
        page.set_viewport_size({"width": TELEPHONE[0], "height": TELEPHONE[1]})
        page.locator(".confusion td.wrong").first.scroll_into_view_if_needed()
        cell = page.locator(".confusion td.wrong").first.bounding_box()
        assert cell["x"] + cell["width"] < TELEPHONE[0]
        page.locator(".mistakes li").nth(1).get_by_role("button", name="Give it this class").click()
        wait_until(page, lambda: focused(seen) == "now happy")
        page.click("#steps a[href='#use']")
        page.click("#start")
        page.wait_for_selector(".answer.new .label")
        seen.shoot("9-use")
        assert page_faults(seen) == []


def test_a_hidden_page_holds_no_stream(seen: Visit) -> None:
    page = seen.page
    page.evaluate(
        "window.sources = []; const Own = EventSource;"
        "window.EventSource = class extends Own {"
        "  constructor(...given) { super(...given); sources.push(this); } };"
        "window.turn = (hidden) => {"
        "  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        "  document.dispatchEvent(new Event('visibilitychange')); }; 0"
    )
    page.evaluate("turn(false)")
    page.evaluate("turn(true)")
    assert page.evaluate("sources.map((each) => each.readyState)") == [2]
    add_another_class(seen)
    assert card(seen, "sad").count() == 0
    page.evaluate("turn(false)")
    card(seen, "sad").wait_for()
    assert page.evaluate("sources.length") == 2


def add_another_class(seen: Visit) -> None:
    """Add a class as another page does."""
    asked = seen.page.request.post(f"{seen.page.url}api/classes/add?name=sad")
    assert asked.ok
    seen.page.wait_for_timeout(400)


def test_deleting_names_the_models_that_learned_and_they_can_be_trained_again(
    tmp_path: Path,
) -> None:
    def prepare(studio: Studio) -> None:
        fill(studio, 12, "happy", "wink")
        for each in range(10):
            face = cv2.resize(draw_scene("sad", seed=each), (48, 48))[..., :1]
            studio.collection.keep("wink", "first", face)
        add_run(studio, "mine")

    with page_of(tmp_path, prepare) as seen:
        page, happy, asked = seen.page, card(seen, "happy"), []
        happy.get_by_role("button", name="Delete the class").click()
        assert "Learned from these pictures: mine." in page.text_content("#ask-words")
        seen.shoot("10-delete")
        page.click("#ask [value=no]")
        happy.locator(".thumbs button").nth(0).click()
        happy.get_by_role("button", name="Delete", exact=True).click()
        wait_until(page, lambda: happy.locator(".thumbs li").count() == 11)
        page.route("**/api/train?*", lambda route: (asked.append(route.request.url), route.abort()))
        page.click("#steps a[href='#train']")
        page.get_by_text("learned from pictures that were deleted since").wait_for()
        seen.shoot("11-train-again")
        page.get_by_role("button", name="Train again: mine").click()
        wait_until(page, lambda: len(asked) == 1)
        assert asked[0].endswith("?again=mine")
        uses = {"first~0001.png": {"training": True, "runs": []}}
        page.route("**/api/uses?*", lambda route: route.fulfill(json=uses))
        page.click("#steps a[href='#show']")
        happy.locator("img[alt='happy, first~0001']").click()
        happy.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_text("The training that runs uses these pictures").wait_for()
        page.click("#ask-yes")
        wait_until(page, lambda: happy.locator(".thumbs li").count() == 10)


def test_the_end_of_a_devices_trial_is_told(tmp_path: Path) -> None:
    def prepare(studio: Studio) -> None:
        fill(studio, 6, "happy", "wink")
        add_run(studio, "mine")

    answers: list[Any] = [
        {"json": {"model": "mine-int8", "state": "on trial", "why": ""}},
        {"status": 502, "json": {"error": "the device cannot be reached"}},  # it starts anew
        {"json": {"model": "fer-small", "state": "taken back", "why": "it ended the run"}},
    ]
    asked: list[Any] = []

    def answer(route: Any) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(**answers[len(asked) - 1])

    with page_of(tmp_path, prepare) as seen:
        page = seen.page
        sent = {"model": "mine-int8", "state": "on trial", "seconds": 60}
        page.route("**/api/deploy?*", lambda route: route.fulfill(json=sent))
        page.route("**/api/deployed", answer)
        page.click("#steps a[href='#use']")
        page.fill("#address", "http://pi.local:8080/")
        page.fill("#token", "a-token")
        page.click("#send")
        page.get_by_text("on trial for 60 s").wait_for()
        page.get_by_text("took mine-int8 back: it ended the run. It runs fer-small.").wait_for()
        where = {"address": "http://pi.local:8080", "token": "a-token", "fingerprint": ""}
        assert asked == 3 * [where]


def test_a_tile_and_a_mistake_are_of_their_picture_and_not_of_a_later_one_of_its_name(
    tmp_path: Path,
) -> None:
    with studio_and_page(tmp_path, lambda studio: fill_and_train(studio, 6)) as (studio, seen):
        page = seen.page
        picture = page.locator("img[alt='happy, first~0006']")
        page.click("#steps a[href='#train']")
        page.locator("#result .tile").nth(5).wait_for()
        page.click("#steps a[href='#show']")
        before = picture.get_attribute("src")
        studio.collection.delete("happy", "first~0006.png")
        later = cv2.resize(draw_scene("sad", seed=77), (48, 48))[..., :1]
        assert studio.collection.keep("happy", "first", later) == "first~0006.png"
        studio.changes.tell()
        wait_until(page, lambda: picture.get_attribute("src") != before)
        page.click("#steps a[href='#train']")
        mistake = page.locator(".mistakes li", has=page.locator("img[src*='0006.png']"))
        mistake.locator(".tile").click()
        mistake.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_text("That picture of happy is not there any more.").wait_for()
        assert len(studio.collection.pictures("happy")) == 6


def test_a_class_with_other_files_is_kept_and_the_page_says_why(
    seen: Visit, tmp_path: Path
) -> None:
    page, file = seen.page, tmp_path / "studio" / "faces" / "wink" / "mine.jpg"
    file.write_bytes(b"mine")
    card(seen, "wink").get_by_role("button", name="Delete the class").click()
    page.get_by_text("wink holds 1 other file: move them away").wait_for()
    assert file.exists()


def test_a_silent_studio_is_no_longer_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaks, wait = threading.Event(), Changes.wait
    speaks.set()

    def wait_or_be_silent(changes: Changes, after: int, seconds: float) -> int:
        speaks.wait(60)
        return wait(changes, after, seconds)

    monkeypatch.setattr(Changes, "wait", wait_or_be_silent)
    with page_of(tmp_path, lambda studio: fill(studio, 1, "happy")) as seen:
        words = seen.page.locator("#words")
        sync_api.expect(words).to_have_text("connected")
        seen.page.wait_for_timeout(11_000)  # nothing changes, and it says so
        assert words.text_content() == "connected"
        speaks.clear()
        try:
            sync_api.expect(words).to_contain_text("no connection", timeout=20_000)
        finally:
            speaks.set()
        sync_api.expect(words).to_have_text("connected", timeout=20_000)


def test_a_browser_that_gives_no_picture_takes_none_of_the_computers_camera(seen: Visit) -> None:
    page, asked = seen.page, []
    page.route("**/api/shots?*", lambda route: (asked.append(route.request.url), route.abort()))
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    page.evaluate("HTMLCanvasElement.prototype.toBlob = (done) => done(null); 0")
    card(seen, "wink").get_by_role("button", name="Timer: 10 s").click()
    wait_until(page, lambda: page.text_content("#trouble") != "")
    assert "No picture comes from the camera." in page.text_content("#trouble")
    assert asked == []


def test_who_records_for_another_class_ends_the_timer_of_the_first(seen: Visit) -> None:
    page, asked = seen.page, []
    page.route("**/api/shots?*", lambda route: (asked.append(route.request.url), route.continue_()))
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    card(seen, "wink").get_by_role("button", name="Timer: 10 s").click()
    wait_until(page, lambda: any("class=wink" in url for url in asked))
    card(seen, "happy").locator(".hold").hover()
    page.mouse.down()
    wait_until(page, lambda: sum("class=happy" in url for url in asked) > 3)
    page.mouse.up()
    wait_until(page, lambda: "Kept" in spoken(seen))
    begun = next(index for index, url in enumerate(asked) if "class=happy" in url)
    assert not any("class=wink" in url for url in asked[begun + 1 :])
    pages = {url.partition("page=")[2] for url in asked}
    assert len(pages) == 1  # one camera
    assert pages != {""}
    card(seen, "wink").get_by_role("button", name="Timer: 10 s").wait_for()


def test_a_timer_that_takes_the_place_of_another_one_shows_its_countdown(seen: Visit) -> None:
    page = seen.page
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    card(seen, "wink").get_by_role("button", name="Timer: 10 s").click()
    page.wait_for_selector("#countdown:not([hidden])")
    card(seen, "happy").get_by_role("button", name="Timer: 10 s").click()
    page.wait_for_timeout(1300)  # the first one has noticed
    assert page.locator("#countdown").is_visible()
    page.wait_for_selector("#hint.good:not(:empty)")  # it records
    assert page.locator("#countdown").is_hidden()


def test_a_camera_that_is_stopped_during_the_countdown_stays_off(seen: Visit) -> None:
    page = seen.page
    page.click("#start")
    page.wait_for_selector("#video:not([hidden])")
    card(seen, "wink").get_by_role("button", name="Timer: 10 s").click()
    page.wait_for_selector("#countdown:not([hidden])")
    page.click("#start")
    page.wait_for_selector("#countdown", state="hidden")
    page.wait_for_timeout(500)
    assert page.locator("#video").is_hidden()
    assert page.text_content("#hint") == ""


def test_the_newest_model_is_shown_until_another_one_is_chosen(tmp_path: Path) -> None:
    with studio_and_page(tmp_path, lambda studio: fill_and_train(studio, 2)) as (studio, seen):
        seen.page.click("#steps a[href='#use']")
        model = seen.page.locator("#model")
        sync_api.expect(model).to_have_value("mine")
        add_run(studio, "mine-2", "2026-11-27T10:16:00")
        studio.changes.tell()
        sync_api.expect(model).to_have_value("mine-2")
        model.select_option("mine")
        add_run(studio, "mine-3", "2026-11-27T10:17:00")
        studio.changes.tell()
        sync_api.expect(model.locator("option")).to_have_count(3)
        assert model.input_value() == "mine"


def test_a_page_without_a_stream_asks_for_the_state(tmp_path: Path) -> None:
    with studio_and_page(tmp_path, lambda studio: fill(studio, 1, "happy")) as (studio, seen):
        seen.page.route("**/api/events", lambda route: route.fulfill(status=503))
        seen.page.reload()
        words = seen.page.locator("#words")
        sync_api.expect(words).to_have_text("connected", timeout=10_000)
        studio.collection.add("wink")
        card(seen, "wink").wait_for(timeout=10_000)
        assert words.text_content() == "connected"
