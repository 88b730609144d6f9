"""The section Moments of a run's page: who gets which clip, whole or in parts."""

import json
import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fer_core.errors import BusyError
from fer_edge.outputs.clips.folder import INDEX, ClipFacts, ClipFolder
from fer_edge.outputs.stamp import Stamp
from fer_edge.page.ranges import Part, part_of
from fer_edge.session.config import EdgeConfig
from fer_edge.session.models import make_model
from fer_edge.session.options import RunOptions
from fer_edge.session.outputs import make_outputs
from fer_edge.session.run import Run
from fer_edge.session.sources import LIVE
from fer_edge.sources.demo import DemoSource
from fer_edge.stages import StageTimes
from running_device import free_port
from served_page import TOKEN, Served
from written_clips import write_clips

pytest.importorskip("av", reason="PyAV is not installed")
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
ODD = "<b>odd</b>"
WHOLE = Part(0, 10, 10, is_asked=False)


@pytest.fixture
def folder(tmp_path: Path) -> ClipFolder:
    clips = [("door", "happy", "anna"), ("", ODD, ""), ("desk", "sad", "")]
    return write_clips(tmp_path / "clips", clips)


def told(served: Served, query: str = "", **headers: str) -> dict[str, Any]:
    answer = served.ask(f"/clips{query}", **headers)
    assert answer.status == 200
    return dict(json.loads(answer.read()))


def test_the_newest_clips_are_told_first(folder: ClipFolder) -> None:
    served = Served(clips=folder)
    with served.server:
        assert json.loads(served.ask("/about").read())["clips"] is True
        all_of_them = told(served)
        assert [each["label"] for each in all_of_them["clips"]] == ["sad", ODD, "happy"]
        assert all_of_them["clips"][2]["person"] == "anna"
        assert (all_of_them["all"], all_of_them["where"]) == (3, str(folder.path))
        assert not any(each["open"] for each in all_of_them["clips"])
        assert len(told(served, "?most=1")["clips"]) == 1
        for most in ("-1", "x", "9" * 30, "%00"):
            assert len(told(served, f"?most={most}")["clips"]) == 3


def test_a_clip_comes_whole_or_in_parts(folder: ClipFolder) -> None:
    served, name = Served(clips=folder), folder.clips()[0].file
    content = folder.file(name).read_bytes()
    with served.server:
        answer = served.ask(f"/clips/video?file={name}")
        assert (answer.status, answer.read()) == (200, content)
        assert answer.getheader("Accept-Ranges") == "bytes"
        assert answer.getheader("Content-Type") == "video/mp4"
        assert answer.getheader("Content-Disposition") is None
        for asked, first, last in (
            ("bytes=0-99", 0, 99),
            ("bytes=100-", 100, len(content) - 1),
            ("bytes=-50", len(content) - 50, len(content) - 1),
            (f"bytes=10-{10 * len(content)}", 10, len(content) - 1),
            *(
                (whole, 0, len(content) - 1)
                for whole in ("bytes=0-", f"bytes=0-{len(content) - 1}")
            ),
        ):
            part = served.ask(f"/clips/video?file={name}", Range=asked)
            assert (part.status, part.read()) == (206, content[first : last + 1])
            assert part.getheader("Content-Range") == f"bytes {first}-{last}/{len(content)}"
        beyond = served.ask(f"/clips/video?file={name}", Range=f"bytes={len(content)}-")
        assert beyond.status == 416
        assert beyond.getheader("Content-Range") == f"bytes */{len(content)}"
        head = served.ask(f"/clips/video?file={name}", "HEAD")
        assert (head.getheader("Content-Length"), head.read()) == (str(len(content)), b"")
        saved = served.ask(f"/clips/video?file={name}&save=1")
        assert saved.read() == content
        assert saved.getheader("Content-Disposition") == f"attachment; filename*=UTF-8''{name}"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=2-4", Part(2, 3, 10)),
        ("bytes=9-", Part(9, 1, 10)),
        ("bytes=-20", Part(0, 10, 10)),
        ("bytes=0-0", Part(0, 1, 10)),
        ("bytes=0-", Part(0, 10, 10)),
        *((whole, WHOLE) for whole in ("", "bytes=-", "bytes=4-2", "bytes=1-2,4-5")),
        *((whole, WHOLE) for whole in ("lines=1-2", "bytes=a-b", f"bytes={'9' * 99}-")),
        ("bytes=10-", None),
        ("bytes=-0", None),
    ],
)
def test_what_a_range_asks_for(asked: str, part: Part | None) -> None:
    assert part_of(asked, 10) == part


def test_an_empty_file_has_no_part() -> None:
    assert part_of("bytes=0-", 0) is None
    assert part_of("", 0) == Part(0, 0, 0, is_asked=False)


def test_nothing_but_the_clips_of_the_folder_is_sent_or_removed(
    folder: ClipFolder, tmp_path: Path
) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (folder.path / "holiday.mp4").write_bytes(b"of somebody else")
    linked = folder.path / folder.clips()[2].file
    linked.unlink()
    linked.symlink_to(tmp_path / "secret.mp4")
    later = folder.path / "20260101-000000-happy.mp4"  # another program's: not in the index
    later.write_bytes(b"unknown")
    before = {file.name: file.read_bytes() for file in folder.path.iterdir() if file != linked}
    served = Served(clips=folder)
    names = [
        *("", ".", "..", "../secret.mp4", "..%2Fsecret.mp4", "%2e%2e/secret.mp4", "..\\secret.mp4"),
        *(str(tmp_path / "secret.mp4"), "/etc/passwd", "%2Fetc%2Fpasswd", "holiday.mp4", INDEX),
        *(linked.name, later.name, f"{folder.clips()[0].file}%00", f"{folder.clips()[0].file}/"),
        *("20260101-000000-../../secret.mp4", "index.jsonl%00.mp4", "a" * 5000),
    ]
    with served.server:
        for name in names:
            answer = served.ask(f"/clips/video?file={name}")
            assert (answer.status, answer.read()) == (404, b"there is no such clip\n"), name
            assert served.ask(f"/clips/delete?file={name}", "POST").status == 400, name
        for path in (f"/clips/{folder.clips()[0].file}", "/clips/../secret.mp4", "/clips/"):
            assert served.ask(path).status == 404
    assert {file.name: file.read_bytes() for file in folder.path.iterdir() if file != linked} == (
        before
    )
    assert (tmp_path / "secret.mp4").read_bytes() == b"secret"


def test_a_clip_is_deleted_by_those_who_may_look_and_by_no_other_page(folder: ClipFolder) -> None:
    served, name = Served(TOKEN, clips=folder), folder.clips()[0].file
    path = f"/clips/delete?file={name}"
    with served.server:
        for asked in ("/clips", f"/clips/video?file={name}"):
            assert served.ask(asked).status == 401
        assert served.ask(path, "POST").status == 401
        other = {**WITH_TOKEN, "Origin": "http://elsewhere.example"}
        assert served.ask(path, "POST", **other).status == 403
        assert served.ask(path, **WITH_TOKEN).status == 404  # a GET deletes nothing
        assert folder.file(name).exists()
        answer = served.ask(path, "POST", **WITH_TOKEN)
        assert (answer.status, json.loads(answer.read())) == (200, {})
        again = served.ask(path, "POST", **WITH_TOKEN)
        assert (again.status, json.loads(again.read())) == (400, {"error": "there is no such clip"})
    assert not (folder.path / name).exists()
    assert name not in (folder.path / INDEX).read_text()
    assert len(ClipFolder(folder.path, 1 << 30).clips()) == 2


def test_a_clip_that_was_removed_by_hand_leaves_the_list(folder: ClipFolder) -> None:
    gone, also_gone, left = folder.clips()
    for clip in (gone, also_gone):
        (folder.path / clip.file).unlink()
    served = Served(clips=folder)
    with served.server:
        assert served.ask(f"/clips/delete?file={gone.file}", "POST").status == 200
        assert [clip["file"] for clip in told(served)["clips"]] == [also_gone.file, left.file]
        folder.end(left)  # the next clip that ends
        assert [clip["file"] for clip in told(served)["clips"]] == [left.file]


def test_a_clip_that_is_being_recorded_stays(folder: ClipFolder) -> None:
    newest = folder.clips()[0]
    folder.begin(newest)
    served = Served(clips=folder)
    with served.server:
        assert told(served)["clips"][0]["open"] is True
        answer = served.ask(f"/clips/delete?file={newest.file}", "POST")
        assert answer.status == 400
        assert "still being recorded" in json.loads(answer.read())["error"]
        folder.end(newest)
        assert served.ask(f"/clips/delete?file={newest.file}", "POST").status == 200


@pytest.mark.parametrize("numbers_only", [True, False])
def test_a_page_of_numbers_or_a_run_without_clips_shows_none(
    folder: ClipFolder, numbers_only: bool
) -> None:
    served = Served(video=False, clips=folder) if numbers_only else Served()
    with served.server:
        assert json.loads(served.ask("/about").read())["clips"] is False
        name = folder.clips()[0].file
        assert served.ask("/clips").status == 404
        assert served.ask(f"/clips/video?file={name}").status == 404
        assert served.ask(f"/clips/delete?file={name}", "POST").status == 405
    assert folder.file(name).exists()


def test_a_run_with_clips_and_a_page_shows_its_own(tmp_path: Path) -> None:
    name = write_clips(tmp_path / "clips", [("", "happy", "")]).clips()[0].file
    port, clips = free_port(), str(tmp_path / "clips")
    config = EdgeConfig(camera="0", show=False, serve=f"127.0.0.1:{port}", clips=clips)
    with ExitStack() as stack:
        begin_outputs(config, stack)
        address = f"http://127.0.0.1:{port}/clips"
        told = json.loads(urllib.request.urlopen(address, timeout=10).read())
        assert [each["file"] for each in told["clips"]] == [name]


def begin_outputs(config: EdgeConfig, stack: ExitStack) -> None:
    options, times = RunOptions(config, quiet=True), StageTimes()
    model = make_model(options, LIVE, stack, times)
    stamp, stop = Stamp("desk"), threading.Event()
    make_outputs(Run(options, LIVE, DemoSource(), model, stamp, stop, stack, times))


def test_a_second_run_does_not_touch_the_clips_of_the_first(tmp_path: Path) -> None:
    """Else it takes the open clip of the first for one that a power cut left."""
    config = EdgeConfig(camera="0", show=False, clips=str(tmp_path / "clips"))
    with ExitStack() as first:
        begin_outputs(config, first)
        held = ClipFolder(tmp_path / "clips", 1 << 30)
        name = held.new_name(1.7e9, 0.0, "", "happy")
        held.begin(ClipFacts(name, "", "", "happy", "", 0.0))
        (held.path / name).write_bytes(b"its first bytes")
        index = (held.path / INDEX).read_bytes()
        with ExitStack() as second, pytest.raises(BusyError, match="choose another --clips"):
            begin_outputs(config, second)
        assert (held.path / name).read_bytes() == b"its first bytes"
        assert (held.path / INDEX).read_bytes() == index
    with ExitStack() as later:
        begin_outputs(config, later)
