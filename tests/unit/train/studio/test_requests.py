"""What the studio answers: classes, pictures, strange names and hostile uploads."""

import json
import shutil
import socket
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from commands import call_here
from drawn_faces import draw_scene
from fer_core.errors import ArgumentError, FerError
from fer_edge.page.access import ServeAddress
from fer_train.studio import collection
from fer_train.studio.names import class_name, recording_name, run_name
from fer_train.studio.server import StudioOptions, address_here, open_studio
from fer_train.studio.studio import MOST_UPLOADS
from served_studio import Served, encoded, wait_until

FACE = encoded(draw_scene("happy"), ".jpg")


def png_head(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it is of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + rows + chunk(b"IEND", b"")


def jpeg_head(width: int, height: int) -> bytes:
    """Return the portrait of a face that says it is of another size."""
    at = FACE.index(b"\xff\xc0")
    return FACE[: at + 5] + struct.pack(">HH", height, width) + FACE[at + 9 :]


def test_classes_and_pictures_are_added_moved_renamed_and_deleted(served: Served) -> None:
    assert served.state()["why_not"] == {"code": "classes", "least": 2}
    for name in ("tongue out", "Ärger"):
        assert served.post("/api/classes/add", name=name) == {"name": name}
    file = served.shoot("tongue out", FACE)["file"]
    assert served.pictures(**{"class": "tongue out"}) == [file]
    moved = served.post(
        "/api/pictures/move", **{"class": "tongue out", "file": file, "to": "Ärger"}
    )
    assert moved == {"file": file}
    assert served.post("/api/classes/rename", name="Ärger", to="ärger") == {"name": "ärger"}
    state = served.state()
    assert [(each["name"], each["count"]) for each in state["classes"]] == [
        ("tongue out", 0),
        ("ärger", 1),
    ]
    assert state["classes"][1]["advice"] == {"code": "needed", "more": 9}
    few = {"tongue out": 0, "ärger": 1}
    assert state["why_not"] == {"code": "pictures", "least": 10, "few": few}
    served.post("/api/pictures/delete", **{"class": "ärger", "file": file})
    assert served.pictures(**{"class": "ärger"}) == []
    served.shoot("ärger", FACE)
    served.post("/api/classes/delete", name="ärger")
    served.post("/api/classes/delete", name="tongue out")
    assert served.files() == []
    assert list((served.folder / "faces").iterdir()) == []


def test_a_moved_picture_takes_no_other_ones_name(served: Served) -> None:
    served.fill(("happy", "sad"), 4)
    (first, *_) = served.pictures(**{"class": "happy"})
    names = {"class": "happy", "file": first, "to": "sad"}
    assert served.post("/api/pictures/move", **names)["file"] == "20261127-101502~0003.png"
    assert len(served.pictures(**{"class": "sad"})) == 5


@pytest.mark.parametrize(
    "name",
    ["", " ", "..", ".", ".hidden", "a/b", "a\\b", "../../etc", "con:", "a\nb", "a\x00b", "what?",
     "a\x1b[2J", "x" * 41, "train", "Test", "images", "dot.", "\u202eabc",
     "\u200b", "\u3164", "\u2060\ufe0f", "\u2800 \u2800", "con", "NUL", "Com1", "lpt9.x",
     "com\u00b9"],
)  # fmt: skip
def test_names_that_are_none_are_refused(served: Served, name: str) -> None:
    assert served.error("/api/classes/add", name=name)
    served.post("/api/classes/add", name="calm")
    assert served.error("/api/classes/rename", name="calm", to=name)
    assert [path.name for path in (served.folder / "faces").iterdir()] == ["calm"]
    with pytest.raises(FerError):
        class_name(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\\b", "'a\\b' cannot"), ("it's?", "'it's?' cannot"), ("a\x1b[2J", r"'a\x1b[2J' cannot")],
)
def test_a_refused_name_is_shown_as_it_was_typed(name: str, shown: str) -> None:
    with pytest.raises(FerError) as caught:
        class_name(name)
    assert str(caught.value).startswith(shown)


def test_names_are_told_apart_as_folders_are() -> None:
    assert class_name(" e\u0301té ") == "\u00e9té"
    assert recording_name("../..//etc") == "etc"
    assert recording_name("IMG_2041.jpg", photo=True) == "IMG"
    assert recording_name("my photo (3).png", photo=True) == "my-photo"
    assert recording_name("2041.jpg", photo=True) == "photo"
    assert recording_name("20261127-101502") == "20261127-101502"
    assert run_name("mine-2") == "mine-2"
    assert class_name("\U0001f9d1\u200d\U0001f680") == "\U0001f9d1\u200d\U0001f680"
    assert class_name("company") == "company"
    for name in ("", "-x", "a/b", "..", "a b", "x" * 41, "a.b", "con", "COM1"):
        with pytest.raises(FerError):
            run_name(name)


def test_a_class_of_the_same_name_but_for_capitals_is_refused(served: Served) -> None:
    served.post("/api/classes/add", name="Wink")
    assert "there is a class 'Wink' already" in served.error("/api/classes/add", name="wink")


@pytest.mark.parametrize(
    "file", ["../../secret.txt", "..", "", "/etc/passwd", "a~0001.png\x00", "~0001.png", "%2e%2e"]
)
def test_files_that_are_not_listed_are_not_there(served: Served, file: str) -> None:
    (served.folder / "secret.txt").write_text("secret")
    served.post("/api/classes/add", name="calm")
    query = {"class": "calm", "file": file}
    assert served.ask("GET", "/api/picture", **query)[0] == 404
    assert served.error("/api/pictures/delete", status=404, **query)
    assert served.error("/api/pictures/move", status=404, **query, to="calm")
    for name in ("..", "../faces/calm", "nobody"):
        assert served.ask("GET", "/api/pictures", **{"class": name})[0] == 404
        assert served.error("/api/classes/delete", status=404, name=name)
        assert served.error("/api/runs/delete", status=404, name=name)
        assert served.ask("GET", "/api/bundle", name=name)[0] == 404
    assert (served.folder / "secret.txt").read_text() == "secret"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (png_head(60_000, 60_000), "megapixels"),
        (png_head(10_000, 10_000), "megapixels"),
        (jpeg_head(12_000, 9_000), "megapixels"),
        (b"just some text, called .jpg", "cannot be read"),
        (b"", "cannot be read"),
        (FACE[: len(FACE) // 2], "cannot be read"),
        (b"\xff\xd8\xff" + bytes(5000), "cannot be read"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "cannot be read"),
        (b'{"a": 1}', "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(12) * 100_000 + b"IEND", "cannot be read"),
    ],
)
def test_what_is_no_picture_or_a_bomb_is_refused_with_a_reason(
    served: Served, body: bytes, words: str
) -> None:
    served.post("/api/classes/add", name="calm")
    for photo in ("", "1"):
        query = {"class": "calm", "recording": "x", "photo": photo}
        assert words in served.error("/api/shots", body, **query)
    assert served.files() == []


def test_a_shot_for_a_class_that_is_not_there_is_refused(served: Served) -> None:
    for name in ("calm", "../calm", ""):
        query = {"class": name, "recording": "x"}
        assert "no class" in served.error("/api/shots", FACE, status=404, **query)
    assert "--camera 0" in served.error("/api/shots", **{"class": "calm", "camera": "1"})
    assert served.ask("GET", "/api/camera")[0] == 404


def test_there_are_bounds_for_classes_and_pictures(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(30):
        served.post("/api/classes/add", name=f"class {index}")
    assert "30 classes" in served.error("/api/classes/add", name="one more")
    folder = served.folder / "faces" / "class 0"
    for index in range(collection.MOST_PICTURES - 1):
        (folder / f"x~{index:04d}.png").touch()
    started = time.monotonic()
    assert served.shoot("class 0", FACE)["kept"]
    assert time.monotonic() - started < 5
    query = {"class": "class 0", "recording": "x"}
    assert "5000 pictures" in served.error("/api/shots", FACE, **query)
    assert len(list(folder.iterdir())) == collection.MOST_PICTURES
    file = served.shoot("class 1", FACE)["file"]
    moving = {"class": "class 1", "file": file, "to": "class 0"}
    assert "5000 pictures" in served.error("/api/pictures/move", **moving)
    assert (served.folder / "faces" / "class 1" / file).exists()


def test_a_body_that_is_too_large_or_never_ends_is_refused(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=10) as sent:
        sent.sendall(b"POST /api/shots?class=calm HTTP/1.1\r\nHost: localhost\r\n")
        sent.sendall(b"Content-Length: 20000001\r\n\r\n")
        assert b" 413 " in sent.recv(100)
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=10) as sent:
        sent.sendall(b"POST /api/classes/add?name=x HTTP/1.1\r\nHost: localhost\r\n")
        sent.sendall(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert b" 413 " in sent.recv(100)


def test_tabs_that_close_in_the_middle_of_an_upload_leave_nothing(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    refused = served.server.refused
    for _ in range(6):  # more than there are places for uploads
        with socket.create_connection(("127.0.0.1", served.server.port), timeout=10) as sent:
            sent.sendall(b"POST /api/shots?class=calm HTTP/1.1\r\nHost: localhost\r\n")
            sent.sendall(f"Content-Length: {len(FACE)}\r\n\r\n".encode() + FACE[:1000])
    wait_until(lambda: served.server.refused == refused + 6)
    assert served.files() == []
    assert served.shoot("calm", FACE)["kept"]


def test_too_many_uploads_at_a_time_are_told_to_come_again(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    with ExitStack() as places:
        for _ in range(MOST_UPLOADS):
            places.enter_context(served.studio.uploads)
        query = {"class": "calm", "recording": "r"}
        large = FACE + bytes(10_000_000)  # more than waits in the network
        assert "send this one again" in served.error("/api/shots", large, status=503, **query)
    assert served.shoot("calm", FACE)["kept"]


def test_a_folder_that_somebody_removes_is_made_again(served: Served) -> None:
    served.fill(("happy",), 2)
    shutil.rmtree(served.folder / "faces")
    shutil.rmtree(served.folder / "runs")
    assert served.state()["classes"] == []
    served.post("/api/classes/add", name="calm")
    assert served.shoot("calm", FACE)["kept"]


@pytest.mark.parametrize("which", ["faces", "people", "runs"])
def test_a_file_in_the_place_of_a_folder_is_told(served: Served, which: str) -> None:
    served.post("/api/classes/add", name="calm")
    shutil.rmtree(served.folder / which)
    (served.folder / which).write_text("no folder")
    told = {"error": f"{served.folder / which} is a file where a folder belongs: move it away"}
    status, content = served.ask("GET", "/api/state")
    assert (status, json.loads(content)) == (400, told)
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=10) as stream:
        stream.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lines = stream.makefile("rb")
        assert json.loads(next(line for line in lines if line[:6] == b"data: ")[6:]) == told
    query = {"people": "1"} if which == "people" else {}
    if which != "runs":
        assert served.error("/api/classes/add", name="new", **query) == told["error"]
    (served.folder / which).unlink()
    assert "error" not in served.state()


def test_a_page_of_another_site_changes_nothing(served: Served) -> None:
    headers = {"Origin": "http://evil.example"}
    status, content = served.ask("POST", "/api/classes/add?name=x", headers=headers)
    assert (status, json.loads(content)) == (403, {"error": "another page asked for this"})
    status, _ = served.ask("GET", "/api/state", headers={"Host": "evil.example"})
    assert status == 403
    own = {"Origin": f"http://127.0.0.1:{served.server.port}"}
    assert served.ask("POST", "/api/classes/add?name=x", headers=own)[0] == 200
    assert served.ask("GET", "/api/classes/add?name=y")[0] == 404
    assert [each["name"] for each in served.state()["classes"]] == ["x"]


def test_two_browsers_at_once_lose_and_double_nothing(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    scenes = [encoded(draw_scene("happy", size=150 + 4 * n, seed=n), ".jpg") for n in range(12)]

    def record(body: bytes) -> str:
        return str(served.shoot("calm", body, recording="both", photo="1").get("file"))

    def remove(file: str) -> int:
        query = {"class": "calm", "file": file}
        return served.ask("POST", "/api/pictures/delete", **query)[0]

    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(record, scenes))
        assert len(set(files)) == len(scenes) == len(served.pictures(**{"class": "calm"}))
        answers = list(pool.map(remove, files + files))
        assert sorted(answers) == [200] * len(files) + [404] * len(files)
        added = pool.map(served.ask, ["POST"] * 4, ["/api/classes/add?name=new"] * 4)
        assert sorted(status for status, _ in added) == [200, 400, 400, 400]
        deleted = pool.map(served.ask, ["POST"] * 4, ["/api/classes/delete?name=calm"] * 4)
        assert sorted(status for status, _ in deleted) == [200, 404, 404, 404]
    assert served.files() == []


def test_a_class_that_is_deleted_while_shots_come_leaves_nothing(served: Served) -> None:
    served.post("/api/classes/add", name="calm")
    bodies = [encoded(draw_scene("happy", seed=n), ".jpg") for n in range(8)]

    def record(body: bytes) -> int:
        query = {"class": "calm", "recording": "r"}
        return served.ask("POST", "/api/shots", body, **query)[0]

    with ThreadPoolExecutor(3) as pool:
        shots = [pool.submit(record, body) for body in bodies]
        wait_until(lambda: bool(served.files()))
        served.post("/api/classes/delete", name="calm")
        assert {shot.result() for shot in shots} <= {200, 404}
    assert served.files() == []


def test_events_tell_of_changes(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=10) as stream:
        stream.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lines = stream.makefile("rb")

        def next_state() -> object:
            line = next(line for line in lines if line.startswith(b"data: "))
            classes = json.loads(line[6:])["classes"]
            return [{key: each[key] for key in ("name", "count", "advice")} for each in classes]

        assert next_state() == []
        served.post("/api/classes/add", name="calm")
        advice = {"code": "needed", "more": 10}
        calm = {"name": "calm", "count": 0, "advice": advice}
        assert next_state() == [calm]


def test_the_page_is_served_and_nothing_beside_it(served: Served) -> None:
    status, content = served.ask("GET", "/")
    assert (status, content[:15]) == (200, b"<!doctype html>")
    for path in ("/index.html", "/../server.py", "/static/index.html", "/studio.py"):
        assert served.ask("GET", path)[0] == 404
    assert served.ask("GET", "/api/nothing")[0] == 404


def test_a_folder_has_one_studio_and_other_computers_need_a_token(
    served: Served, tmp_path: Path
) -> None:
    with pytest.raises(FerError, match="choose another folder"), ExitStack() as stack:
        stack.enter_context(open_studio(StudioOptions(served.folder, port=0)))
    everywhere = StudioOptions(tmp_path / "two", host="0.0.0.0", port=0)
    with pytest.raises(ArgumentError, match="add --https, or --plain-http"), ExitStack() as stack:
        stack.enter_context(open_studio(everywhere))
    for options in (replace(everywhere, https=True), replace(everywhere, plain_http=True)):
        with pytest.raises(ArgumentError, match="a token is needed"), ExitStack() as stack:
            stack.enter_context(open_studio(options))
    assert not (tmp_path / "two").exists()
    words = ("studio", tmp_path / "three", "--no-browser")
    error = call_here("fer-train", *words, "--detector", "eyes", cwd=tmp_path, code=2).stderr
    assert "no detector 'eyes'" in error
    error = call_here("fer-train", *words, "--camera", "eye", cwd=tmp_path, code=2).stderr
    assert "no camera 'eye'" in error
    assert "port" in call_here("fer-train", *words, "--port", 0, cwd=tmp_path, code=2).stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8600/"),
        ("0.0.0.0", "http://127.0.0.1:8600/"),
        ("::", "http://[::1]:8600/"),
        ("::1", "http://[::1]:8600/"),
        ("192.168.1.7", "http://192.168.1.7:8600/"),
        ("localhost", "http://localhost:8600/"),
    ],
)
def test_the_first_page_is_opened_where_it_is_served(host: str, url: str) -> None:
    assert address_here(ServeAddress(host, 8600)).url == url


def test_a_damaged_crop_is_named_when_training_reads_it(served: Served) -> None:
    served.fill()
    (served.folder / "faces" / "sad" / "cut~0001.png").write_bytes(b"no picture")
    served.post("/api/train", name="mine")
    wait_until(lambda: served.state()["job"] is None)
    assert (
        "sad/cut~0001.png cannot be read as a picture: delete it"
        in served.state()["failed"]["error"]
    )
    assert not (served.folder / ".job").exists()


def test_a_class_of_as_many_other_pictures_is_another_one(served: Served) -> None:
    served.fill()
    (first, *_), before = served.pictures(**{"class": "happy"}), served.state()
    served.post("/api/pictures/move", file=first, to="sad", **{"class": "happy"})
    new = served.pictures(**{"class": "sad"})[-1]
    served.post("/api/pictures/move", file=new, to="happy", **{"class": "sad"})
    for now, then in zip(served.state()["classes"], before["classes"], strict=True):
        assert now["count"] == then["count"]
        assert now["changed"] != then["changed"]
