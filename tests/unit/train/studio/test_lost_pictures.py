"""What must never be lost or mixed up: pictures of other names, other owners and other moments."""

import socket
import threading
import zipfile
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.errors import FerError
from fer_core.preprocess import InputSpec
from fer_core.values import UInt8Array
from fer_train.studio.collection import Collection
from fer_train.studio.file_facts import FileFacts
from fer_train.studio.learning import gather
from fer_train.studio.people import write_people
from fer_train.studio.server import StudioOptions, open_studio
from served_studio import Served, wait_until

RNG = np.random.default_rng(5)


def crop() -> UInt8Array:
    return RNG.integers(0, 256, (48, 48, 1)).astype(np.uint8)


def collection_of(folder: Path, count: int, *names: str) -> Collection:
    """Return a collection of noise with so many pictures a class."""
    collection = Collection(folder, InputSpec())
    for name in names:
        collection.add(name)
        for _ in range(count):
            collection.keep(name, "one", crop())
    return collection


@pytest.mark.parametrize("people", ["", "1"])
def test_a_page_that_shows_an_earlier_picture_changes_no_other_one_of_its_name(
    served: Served, people: str
) -> None:
    folders = served.studio.people if people else served.studio.collection
    for name in ("calm", "wink"):
        served.post("/api/classes/add", name=name, people=people)
    query = {"class": "calm", "people": people}
    colour = 3 if people else 1
    folders.keep("calm", "image", crop().repeat(colour, axis=2))
    (first,) = served.get("/api/pictures", **query)
    served.post("/api/pictures/delete", **query, **first)
    folders.keep("calm", "image", crop().repeat(colour, axis=2))
    (second,) = served.get("/api/pictures", **query)
    assert second["file"] == first["file"]
    assert second["version"] != first["version"]
    assert served.ask("GET", "/api/picture", **query, **first)[0] == 404
    assert served.error("/api/pictures/delete", status=404, **query, **first)
    assert served.error("/api/pictures/move", status=404, **query, **first, to="wink")
    assert served.get("/api/pictures", **query) == [second]
    assert served.ask("GET", "/api/picture", **query, **second)[0] == 200
    assert served.post("/api/pictures/move", **query, **second, to="wink")["file"]


def test_a_shot_and_a_mistake_bring_the_version_of_their_picture(served: Served) -> None:
    served.fill(("disgust", "fear"), 30)
    shot = served.shoot("fear", draw_scene("sad", seed=99))
    there = served.get("/api/pictures", **{"class": "fear"})
    assert {key: shot[key] for key in ("file", "version")} in there
    served.post("/api/train", name="mine")
    wait_until(lambda: served.state()["job"] is None)
    mistakes = served.get("/api/run", name="mine")["mistakes"]
    assert mistakes
    for each in mistakes:
        there = served.get("/api/pictures", **{"class": each["class"]})
        assert {key: each[key] for key in ("file", "version")} in there


@pytest.mark.parametrize("people", ["", "1"])
@pytest.mark.parametrize("other", ["a.jpg", "ORIG.PNG", "notes.txt", "folder/x.png"])
def test_a_folder_with_files_of_somebody_else_is_not_deleted(
    served: Served, people: str, other: str
) -> None:
    served.post("/api/classes/add", name="sad", people=people)
    folder = served.folder / ("people" if people else "faces") / "sad"
    file = folder / other
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"mine")
    (folder / "one~0001.png").write_bytes(b"a crop")
    (folder / ".DS_Store").touch()
    words = served.error("/api/classes/delete", name="sad", people=people)
    assert words == "sad holds 1 other file: move them away, or delete it by hand"
    assert (file.read_bytes(), (folder / "one~0001.png").exists()) == (b"mine", True)
    file.rename(served.folder / "away")
    if file.parent != folder:
        file.parent.rmdir()
    served.post("/api/classes/delete", name="sad", people=people, count="1")
    assert not folder.exists()


def test_a_refused_deletion_ends_no_training(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill()
    (served.folder / "faces" / "sad" / "a.jpg").write_bytes(b"mine")
    monkeypatch.setenv("STUDIO_STUB", "goes on")
    served.post("/api/train", name="mine")
    wait_until(lambda: (served.state()["job"] or {}).get("step") == "learn")
    assert served.error("/api/classes/delete", name="sad")
    assert served.state()["job"]["name"] == "mine"


def test_a_class_that_has_more_pictures_than_the_user_saw_is_not_deleted(served: Served) -> None:
    served.fill(("sad",), 3)
    words = served.error("/api/classes/delete", name="sad", count="0")
    assert words == "sad has 3 pictures now: look at them before you delete it"
    assert len(served.pictures(**{"class": "sad"})) == 3


def test_a_class_that_is_a_link_is_not_emptied(served: Served, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "one~0001.png").write_bytes(b"mine")
    try:
        (served.folder / "faces" / "sad").symlink_to(elsewhere, target_is_directory=True)
    except OSError:
        pytest.skip("this account may make no links")
    assert "sad is a link" in served.error("/api/classes/delete", name="sad")
    assert (elsewhere / "one~0001.png").exists()


def test_a_deletion_that_stops_in_the_middle_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill(("sad",), 2)
    unlink, held = Path.unlink, served.folder / "faces" / "sad" / "20261128-101502~0001.png"

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == held:
            raise PermissionError(13, "it is open elsewhere", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    words = served.error("/api/classes/delete", name="sad")
    assert words == f"{held}: it is open elsewhere; some of it stays"


def test_pictures_that_differ_in_capitals_overwrite_each_other_nowhere(tmp_path: Path) -> None:
    collection = collection_of(tmp_path, 0, "x", "y")
    files = [collection.keep("x", name, crop()) for name in ("IMG", "img", "Img")]
    files.append(collection.move("y", collection.keep("y", "iMG", crop()), "x"))
    assert len({file.casefold() for file in files}) == 4


@pytest.mark.parametrize("change", ["rename", "move", "delete"])
def test_training_learns_from_the_pictures_of_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    collection = collection_of(tmp_path, 12, "a", "b", "wink")
    at_first = {(name, file) for name in "ab" for file in collection.pictures(name)}
    acts = {
        "rename": lambda: collection.rename("b", "c"),
        "move": lambda: collection.move("a", "one~0001.png", "wink"),
        "delete": lambda: collection.delete("b", "one~0012.png"),
    }
    others: list[threading.Thread] = []
    read = collection.crop

    def crop_while_another_thread_changes(path: Path) -> UInt8Array | None:
        if path.parent.name == "b" and not others:
            others.append(threading.Thread(target=acts[change]))
            others[0].start()
            others[0].join(0.2)  # it waits for us
        return read(path)

    monkeypatch.setattr(collection, "crop", crop_while_another_thread_changes)
    found = gather(collection)
    others[0].join(10)
    assert {(each.label, each.file) for each in found.pictures if each.label in "ab"} == at_first
    assert len(found.pictures) == 36
    now = {(name, file) for name in collection.names() for file in collection.pictures(name)}
    assert now != {(each.label, each.file) for each in found.pictures}  # it did happen


def test_a_studio_that_starts_leaves_the_pictures_of_runs_made_elsewhere(tmp_path: Path) -> None:
    for name, notes in (("ordinary", False), ("ours", True)):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        for picture in ("mistakes.png", "feature_maps.png"):
            (run / picture).write_bytes(b"faces")
        if notes:
            (run / "studio.json").write_text("{}")
    with open_studio(StudioOptions(tmp_path, port=0, detector="haar")):
        left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png")}
    assert left == {"runs/ordinary/mistakes.png", "runs/ordinary/feature_maps.png"}


@pytest.mark.parametrize("file", ["happy/1.png", "Happy/1.JPG", "train/happy/1.png"])
def test_a_data_set_is_no_folder_for_a_studio(tmp_path: Path, file: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a picture")
    with pytest.raises(FerError, match="as a data set does"), ExitStack() as stack:
        stack.enter_context(open_studio(StudioOptions(tmp_path, port=0, detector="haar")))
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert not (tmp_path / "faces").exists()
    (tmp_path / "faces" / "happy").mkdir(parents=True)  # a studio of before goes on
    with open_studio(StudioOptions(tmp_path, port=0, detector="haar")):
        pass


def test_the_zip_of_people_has_every_picture_but_those_that_went(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = served.folder / "people" / "anna"
    folder.mkdir()
    names = ["1.png", "2.png", "3.png", "4.png", "old.jpg"]
    for name in (*names, "notes.txt"):
        (folder / name).write_bytes(b"a picture")
    write = zipfile.ZipFile.write

    def lose_one(archive: zipfile.ZipFile, path: Path, name: str) -> None:
        if path.name == "2.png":
            path.unlink()
        write(archive, path, name)

    monkeypatch.setattr(zipfile.ZipFile, "write", lose_one)
    out = BytesIO()
    write_people(served.studio.people, out)
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == [f"people/anna/{name}" for name in names if name != "2.png"]


def refuse(path: Path) -> str:
    """Read a picture as the system does that may not be read."""
    if path.name == "locked~0001.png":
        raise PermissionError(13, "Permission denied", str(path))
    return path.name


def test_one_unreadable_picture_leaves_the_page_and_can_be_deleted(served: Served) -> None:
    served.fill()
    served.post("/api/train", name="mine")
    wait_until(lambda: served.state()["job"] is None)
    sad = served.folder / "faces" / "sad"
    (sad / "old.png").mkdir()
    (sad / "locked~0001.png").write_bytes(b"a picture")
    served.studio.collection._digests = FileFacts(refuse)
    counts = {each["name"]: each["count"] for each in served.state()["classes"]}
    assert counts == {"happy": 10, "sad": 11}
    served.post("/api/train", name="other")
    wait_until(lambda: served.state()["job"] is None)
    assert served.state()["failed"]["code"] == "unreadable_crop"
    served.post("/api/pictures/delete", **{"class": "sad", "file": "locked~0001.png"})
    assert not (sad / "locked~0001.png").exists()


def test_a_run_whose_notes_cannot_be_read_hides_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.fill()
    run = served.folder / "runs" / "mine"
    (run / "studio.json").mkdir(parents=True)
    assert [each["name"] for each in served.state()["runs"]] == ["mine"]
    with pytest.raises(FerError, match="cannot be read"):
        served.studio.runs.notes("mine")
    served.post("/api/runs/delete", name="mine")
    assert not run.exists()


def test_what_the_system_refuses_is_told_on_the_page(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> str:
        raise PermissionError(13, "Permission denied", "faces/sad")

    served.fill(("sad",), 1)
    monkeypatch.setattr(served.studio.collection, "changed", broken)
    status, content = served.ask("GET", "/api/state")
    assert (status, content) == (400, b'{"error": "faces/sad: Permission denied"}')
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=10) as stream:
        stream.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lines = stream.makefile("rb")
        assert b"Permission denied" in next(line for line in lines if line[:6] == b"data: ")
        assert next(line for line in lines if line[:5] == b"event") == b"event: alive\n"
        assert next(lines) == b"data:1\n"


def test_a_clean_up_that_fails_lets_the_next_training_begin(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def held_open(path: Path, missing_ok: bool = False) -> None:
        if path.name == "mistakes.png":
            raise PermissionError(13, "it is open elsewhere", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", held_open)
    served.fill()
    for name in ("mine", "other"):
        served.post("/api/train", name=name)
        wait_until(lambda: served.state()["job"] is None)
    assert served.state()["failed"] is None
    assert {each["name"] for each in served.state()["runs"]} == {"mine", "other"}
    served.close()
    with open_studio(StudioOptions(served.folder, port=0, detector="haar")):
        pass  # nor does it keep a studio from starting


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_fault_of_the_clean_up_keeps_a_job(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("the disk went away")

    served.fill()
    monkeypatch.setattr(served.studio.runs, "settle", broken)
    served.post("/api/train", name="mine")
    wait_until(lambda: served.studio.jobs.job is None)
