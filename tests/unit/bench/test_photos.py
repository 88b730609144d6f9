from pathlib import Path

import cv2
import pytest

from commands import call
from drawn_faces import draw_scene
from fer_bench.photos import (
    DetectorCount,
    MarkedPhoto,
    count_faces,
    photo_table,
    read_marked_photos,
)
from fer_core.errors import FerError
from fer_core.values import Box

FACE, OTHER, UNKNOWN = Box(10, 10, 40, 40), Box(100, 10, 40, 40), Box(10, 100, 40, 40)
FAR = Box(200, 200, 40, 40)


def test_each_face_takes_one_box_and_unknown_places_count_for_nothing() -> None:
    photo = MarkedPhoto([("near", FACE), ("far", OTHER)], [UNKNOWN])
    count = DetectorCount("toy")
    count.judge([FACE, FACE.expanded(0.1), UNKNOWN, FAR], photo)
    assert (count.faces, count.found) == ({"near": 1, "far": 1}, {"near": 1})
    assert count.false_boxes == 2  # the second box of one face, and the one far away
    count.judge([OTHER, FACE], photo)
    assert (count.found, count.false_boxes) == ({"near": 2, "far": 1}, 2)


def marked(folder: Path, text: str) -> Path:
    file = folder / "faces.csv"
    file.write_text(text)
    return file


def test_marked_faces_are_read_with_their_groups(tmp_path: Path) -> None:
    photos = read_marked_photos(
        marked(
            tmp_path,
            "file,group,x,y,w,h,ignore\n"
            "a.jpg,near,10,10,40,40,0\na.jpg,none,1,2,3,4,1\nb.jpg,none,,,,,0\n",
        )
    )
    assert photos["a.jpg"] == MarkedPhoto([("near", FACE)], [Box(1, 2, 3, 4)])
    assert photos["b.jpg"] == MarkedPhoto()
    plain = read_marked_photos(marked(tmp_path, "\ufefffile,x,y,w,h\na.jpg,10,10,40,40\n"))
    assert plain["a.jpg"].faces == [("all", FACE)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "file,x\na.jpg,1\n",
            "has no column 'y'; its first line must name the columns file,x,y,w,h",
        ),
        ("", "has no column 'file'"),
        (
            "file,x,y,w,h\na.jpg,1,2,3,wide\n",
            "line 2: h must be a whole number, 1 or more, got 'wide'",
        ),
        (
            "file,x,y,w,h\na.jpg,1,2,3,4\nb.jpg,1,2,0,3\n",
            "line 3: w must be a whole number, 1 or more, got '0'",
        ),
        ("file,x,y,w,h\na.jpg,1.5,2,3,4\n", "line 2: x must be a whole number, got '1.5'"),
        ("file,x,y,w,h\na.jpg,,2,3,4\n", "line 2: x must be a whole number, and is empty"),
        ("file,x,y,w,h\na.jpg,1,2\n", "line 2: w must be a whole number, 1 or more, and is empty"),
        ("file,x,y,w,h\n,1,2,3,4\n", "line 2: file is empty; it must name a photo or clip"),
        (f"file,x,y,w,h\na.jpg,1,2,3,{'9' * 5000}\n", f"1 or more, got '{'9' * 30}'"),
        ("file,x,y,w,h\n", "names no photo"),
    ],
)
def test_files_that_mark_nothing_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(FerError, match=words):
        read_marked_photos(marked(tmp_path, text))


def test_a_file_of_faces_that_is_none_is_told_from_a_wrong_row(tmp_path: Path) -> None:
    picture = tmp_path / "faces.jpg"
    cv2.imwrite(str(picture), draw_scene("happy"))
    with pytest.raises(FerError) as said:
        read_marked_photos(picture)
    words = "is not text in UTF-8; name a CSV file with the columns file,x,y,w,h"
    assert str(said.value) == f"{picture} {words}"
    with pytest.raises(FerError, match="cannot read .*absent"):  # noqa: RUF043
        read_marked_photos(tmp_path / "absent.csv")


def test_the_command_counts_what_a_detector_finds(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), draw_scene("happy", x=200, y=100, size=220))
    file = marked(tmp_path, "file,x,y,w,h\na.png,220,130,180,180\na.png,5,5,40,40\n")
    shown = call("fer-bench", "photos", ".", "--faces", file, cwd=tmp_path).stdout.splitlines()
    assert shown[0].split() == ["detector", "all", "false", "boxes", "ms,", "median", "ms,", "mean"]
    assert shown[1].startswith("haar      1 of 2 (9-91 %)            0")
    (count,) = count_faces(tmp_path, read_marked_photos(file), ["haar"])
    assert photo_table([count]).rows[0][:3] == ("haar", "1 of 2 (9-91 %)", "0")
    with pytest.raises(FerError, match=r"b\.png"):
        count_faces(tmp_path, {"b.png": MarkedPhoto()}, ["haar"])
