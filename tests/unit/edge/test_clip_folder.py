"""The folder of clips: its names and index, its limit, and what power cuts leave there."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_core.errors import FerError
from fer_edge.outputs.clips.folder import INDEX, ClipFacts, ClipFolder
from written_clips import WALL, write_clips, write_until_killed

av = pytest.importorskip("av", reason="PyAV is not installed")
ROOM = 1 << 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clips"


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / INDEX).read_text().splitlines()]


def frames_in(video: Path) -> int:
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_the_oldest_clips_go_and_nobody_elses_files(folder: Path) -> None:
    held = write_clips(folder, [("", "happy", "")] * 4)
    names = [clip.file for clip in reversed(held.clips())]
    for number, name in enumerate(names):  # the clock was set back between them
        os.utime(folder / name, (1000 - number, 1000 - number))
    (folder / "holiday.mp4").write_bytes(bytes(50_000))
    size = (folder / names[-1]).stat().st_size
    ClipFolder(folder, int(2.5 * size))
    assert {file.name for file in folder.iterdir()} == {*names[2:], "holiday.mp4", INDEX}
    assert [each["file"] for each in lines(folder)] == names[2:]


def test_a_clip_that_is_being_written_is_not_removed_for_another_ones_sake(folder: Path) -> None:
    held = write_clips(folder, [("door", "happy", ""), ("desk", "sad", ""), ("desk", "sad", "")])
    newest, middle, oldest = held.clips()
    held.begin(oldest)
    held._most_bytes = (folder / newest.file).stat().st_size
    held.end(newest)
    assert [clip.file for clip in held.clips()] == [newest.file, oldest.file]
    assert not (folder / middle.file).exists()


def test_a_clip_that_cannot_be_removed_stays_and_the_next_oldest_goes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no file that somebody plays."""
    held = write_clips(folder, [("", "happy", "")] * 3)
    newest, middle, oldest = held.clips()
    held.begin(newest)
    held._most_bytes = int(2.5 * (folder / newest.file).stat().st_size)
    unlink = Path.unlink

    def refuses(self: Path, missing_ok: bool = False) -> None:
        if self.name == oldest.file:
            raise PermissionError(13, "used by another process", str(self))
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuses)
    held.end(newest)
    assert [(each["file"], each["whole"]) for each in lines(folder)] == [
        (oldest.file, True),
        (newest.file, True),
    ]
    assert not (folder / middle.file).exists()
    assert held.newest("") == newest


def test_a_camera_never_waits_for_the_index(folder: Path) -> None:
    """The camera loop asks for the newest clip while the disk takes its time for the index."""
    held = write_clips(folder, [("door", "happy", ""), ("door", "sad", "")])
    told: list[ClipFacts | None] = []
    asking = threading.Thread(
        target=lambda: told.extend(map(held.newest, ("door", "desk"))), daemon=True
    )
    with held._lock:
        asking.start()
        asking.join(10)
    assert told == [held.clips()[0], None]


def test_labels_of_any_script_make_names(folder: Path) -> None:
    held = ClipFolder(folder, ROOM)
    assert held.new_name(None, 12.6, "door", "un/glücklich ../") == "at-13s-door-un_glücklich_.mp4"
    assert held.new_name(None, 12.6, "", "/") == "at-13s-_.mp4"


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FerError):
        ClipFolder(tmp_path / "file", ROOM)


def test_what_a_power_cut_left_is_listed_with_its_length(folder: Path) -> None:
    held = write_clips(folder, [("", "happy", "anna"), ("", "sad", "")])
    sad, happy = held.clips()
    held.begin(happy)
    with (folder / INDEX).open("a") as torn:
        other = {**lines(folder)[0], "file": ["x"]}
        torn.write(f"{json.dumps(other)}\n[]\n" + '{"file": "2026')
    (folder / "20260101-000001-fear.mp4").write_bytes((folder / sad.file).read_bytes())
    again = ClipFolder(folder, ROOM)
    told = {each.file: (each.label, each.whole, each.seconds) for each in again.clips()}
    assert told == {
        happy.file: ("happy", False, 2.9),
        sad.file: ("sad", True, 2.9),
        "20260101-000001-fear.mp4": ("", False, 2.9),  # of an index that is gone
    }
    assert len(lines(folder)) == 3
    assert again.new_name(WALL, 0.0, "", "happy") != happy.file


def test_every_cut_leaves_a_clip_that_plays_or_none(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the disk stopped, also within a piece's head, and with zeros that it had reserved.

    FFmpeg does not open a file that ends in half of such a head.
    """
    from fer_edge.outputs.encoding import VideoFile

    grown: list[bytes] = []

    def close(video: VideoFile) -> None:
        grown.append(video._disk._path.read_bytes())
        plain(video)

    plain = VideoFile.close
    monkeypatch.setattr(VideoFile, "close", close)
    held = write_clips(folder, [("door", "happy", "anna")], seconds=9.0)
    (facts,) = held.clips()
    content, lengths = grown[0], list[float]()
    cuts = range(0, len(content) + 1, len(content) // 60)
    for cut in (*cuts, len(content)):
        for rest in (b"", bytes(5000)):
            (folder / facts.file).write_bytes(content[:cut] + rest)
            held.begin(facts)
            with caplog.at_level(logging.ERROR):
                left = ClipFolder(folder, ROOM).clips()
            assert (folder / facts.file).exists() == bool(left)
            if left:
                assert not left[0].whole
                assert frames_in(folder / facts.file) >= 10 * left[0].seconds > 0
                lengths.append(left[0].seconds)
    assert lengths == sorted(lengths)
    assert len(set(lengths)) >= 4  # the pieces
    assert lengths[-1] > 7.0


def test_what_cannot_be_looked_at_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, warnings: Callable[[], list[str]]
) -> None:
    held = write_clips(folder, [("", "happy", "")])
    (facts,) = held.clips()
    held.begin(facts)

    def broken(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("fer_edge.outputs.clips.folder.keep_whole_pieces", broken)
    assert [clip.file for clip in ClipFolder(folder, ROOM).clips()] == [facts.file]
    assert warnings() == [f"{facts.file} was cut off and cannot be looked at: Input/output error"]


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_a_run_that_is_killed_twenty_times_leaves_clips_that_play(folder: Path) -> None:
    """Ended by SIGKILL in the middle of a clip; the next start goes on in the same folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["written_clips", "av"])
    pause, cut_off, most_bytes = random.Random(0), 0, 3 << 20
    for _ in range(20):
        began = context.Event()
        writing = context.Process(
            target=write_until_killed, args=(folder, most_bytes, began), daemon=True
        )
        writing.start()
        assert began.wait(30)
        time.sleep(pause.uniform(0, 0.25))
        writing.kill()
        writing.join(10)
        listed = lines(folder)  # the index is never half written
        assert listed
        cut_off += not listed[-1]["whole"]
    again = context.Process(target=ClipFolder, args=(folder, most_bytes))
    again.start()
    again.join(30)
    told = [ClipFacts(**line) for line in lines(folder)]
    assert {file.name for file in folder.iterdir()} == {INDEX, *(clip.file for clip in told)}
    assert cut_off > 5
    for clip in told:
        assert frames_in(folder / clip.file) >= 5 * clip.seconds > 0
