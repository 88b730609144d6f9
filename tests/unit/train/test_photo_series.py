from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_train.photo_series import Apart, series_of, set_aside, time_taken


def photo(path: Path, taken: str = "") -> Path:
    """Write a photo; `taken` is what its EXIF says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    exif = picture.getexif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    picture.save(path, exif=exif)
    return path


def test_bursts_of_a_camera_are_series(tmp_path: Path) -> None:
    for index, second in enumerate((0, 1, 59)):
        photo(tmp_path / f"IMG_{index}.jpg", f"2026:11:26 10:00:{second:02d}")
    for index in range(3, 5):
        photo(tmp_path / f"IMG_{index}.jpg", "2026:11:26 12:00:00")
    files = [Path(f"IMG_{index}.jpg") for index in range(5)]
    assert series_of(tmp_path, files) == [files[:3], files[3:]]


def test_frames_of_clips_and_folders_of_people_are_series(tmp_path: Path) -> None:
    names = ["a_1.png", "a_2.png", "b_1.png", "anna/1.png", "anna/2.png"]
    for name in names:
        photo(tmp_path / name)
    found = series_of(tmp_path, [Path(name) for name in names])
    assert sorted(sorted(map(str, part)) for part in found) == [
        ["a_1.png", "a_2.png"],
        ["anna/1.png", "anna/2.png"],
        ["b_1.png"],
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_series_is_set_aside_whole_or_not_at_all(tmp_path: Path, seed: int) -> None:
    files = [Path(f"clip{clip}_{frame}.png") for clip in range(10) for frame in range(1 + clip % 4)]
    apart = set_aside(tmp_path, files, 0.2, seed)
    for part in series_of(tmp_path, files):
        assert set(part) <= apart.photos or not set(part) & apart.photos
    assert 0.1 <= len(apart.photos) / len(files) <= 0.3
    assert apart.note == ""


def test_one_series_gives_its_last_part_and_says_so(tmp_path: Path) -> None:
    files = [Path(f"clip_{index}.png") for index in range(1, 21)]
    apart = set_aside(tmp_path, files, 0.2)
    assert apart.photos == set(files[16:])  # 17 to 20, not 6 to 9
    assert "one series, which is divided" in apart.note
    assert set_aside(tmp_path, files[:1], 0.5) == Apart(frozenset(), "one photo, for training")


def test_something_is_set_aside_and_never_more_than_half(tmp_path: Path) -> None:
    files = [Path(f"a{index}.png") for index in range(9)] + [Path("b1.png")]
    assert set_aside(tmp_path, files, 0.5).photos == {Path("b1.png")}
    equal = [Path(f"{name}{index}.png") for name in "ab" for index in range(6)]
    apart = set_aside(tmp_path, equal, 0.2)
    assert apart.photos in (set(equal[:6]), set(equal[6:]))


def test_time_decides_over_names(tmp_path: Path) -> None:
    names = [f"IMG_20261126_10{minute:02d}00_1.jpg" for minute in (0, 1, 2, 50, 51)]
    for name in names:
        photo(tmp_path / name, f"2026:11:26 10:{name[15:17]}:00")
    files = [Path(name) for name in names]
    assert series_of(tmp_path, files) == [files[:3], files[3:]]


def test_a_photo_too_large_for_pillow_has_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert time_taken(photo(tmp_path / "a.jpg", "2026:11:26 10:00:00")) is None


@pytest.mark.parametrize("said", ["", "0000:00:00 00:00:00", "yesterday"])
def test_a_time_that_is_none_is_none(tmp_path: Path, said: str) -> None:
    assert time_taken(photo(tmp_path / "a.jpg", said)) is None
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    assert time_taken(tmp_path / "b.jpg") is None
    assert time_taken(tmp_path / "absent.jpg") is None
