import csv
import os
import shutil
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.bundle import ModelBundle
from fer_core.class_folders import CONTACT_SHEET
from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.manifest import ModelManifest
from fer_core.metrics import classification_report
from fer_core.preprocess import InputSpec
from fer_core.readers import load_dataset
from fer_core.settings import load_settings, settings_toml
from fer_core.values import Face, Frame
from fer_edge.faces.haar import HaarDetector
from fer_train.config import TrainConfig
from fer_train.plots import save_confusion
from fer_train.prepare import prepare_photos
from fer_train.prepare_sheet import save_prepared_sheet
from fer_train.prepared import RECORD, PreparedFolder

EMPTY = np.full((480, 640, 3), 90, np.uint8)


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    for index in range(3):
        save(root / "grin" / f"{index}.png", draw_scene("happy", seed=index))
        save(root / "frown" / f"{index}.png", draw_scene("sad", seed=index))
    save(root / "grin" / "wall.png", EMPTY)
    save(root / "grin" / "again.png", draw_scene("happy", seed=0))
    two = draw_scene("happy", x=40, size=180)
    two[:, 340:] = draw_scene("sad", x=380, size=180)[:, 340:]
    save(root / "frown" / "two.png", two)
    small = draw_scene("sad", x=20, size=220, seed=9)
    small[:, 400:] = draw_scene("sad", x=480, y=300, size=100)[:, 400:]
    save(root / "frown" / "one-behind.jpg", small)
    (root / "frown" / "cut.png").write_bytes(b"no picture")
    (root / "frown" / "notes.txt").write_text("no photo")
    save(root / "loose.png", draw_scene("happy"))
    (root / "grin" / "phone.HEIC").write_bytes(b"from a phone")
    return root


def prepared_from(photos: Path, out: Path, spec: InputSpec | None = None) -> PreparedFolder:
    return prepare_photos(photos, out, HaarDetector(), spec or InputSpec())


def test_faces_are_cropped_by_the_pixel_contract_and_the_rest_is_told(
    photos: Path, tmp_path: Path
) -> None:
    prepared = prepared_from(photos, tmp_path / "faces")
    why = {photo.path.name: photo.reason for photo in prepared.photos if photo.crop is None}
    assert why == {
        "wall.png": "no face found",
        "two.png": "several faces",
        "cut.png": "no picture or of an unknown format",
        "again.png": "copy of another",
        "loose.png": "in no class folder",
        "phone.HEIC": "format not read",
    }
    dataset = load_dataset(tmp_path / "faces")
    assert dataset.label_names == ("frown", "grin")
    assert dataset.class_counts()[0].tolist() == [4, 3]
    assert "7 of 13 photos cropped" in prepared.text()
    assert "6 left out: " in prepared.text()
    assert "few pictures (frown 4, grin 3): take 60 or more of each class\n" in prepared.text()

    frame = Frame(cv2.imread(str(photos / "frown" / "1.png")), 0, 0.0)
    box = HaarDetector().detect(frame)[0].box
    crop = cv2.imread(str(tmp_path / "faces" / "frown" / "1.png.png"), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(crop, InputSpec().pixels(frame, Face(box, 1.0))[:, :, 0])


def test_that_the_rest_of_animations_is_not_looked_at_is_told_once(
    photos: Path, tmp_path: Path
) -> None:
    assert "animation" not in prepared_from(photos, tmp_path / "still").text()
    control = b"acTL" + struct.pack(">II", 1, 0)
    for name in ("0.png", "wall.png"):  # with a face and without
        still = (photos / "grin" / name).read_bytes()
        chunk = struct.pack(">I", 8) + control + struct.pack(">I", zlib.crc32(control))
        (photos / "grin" / name).write_bytes(still[:33] + chunk + still[33:])
    lines = prepared_from(photos, tmp_path / "faces").text().splitlines()
    told = [line for line in lines if "animation" in line]
    assert told == ["grin/0.png is an animation: only the first picture of one is looked at"]


def test_the_record_names_every_photo(photos: Path, tmp_path: Path) -> None:
    prepared = prepared_from(photos, tmp_path / "faces")
    rows = list(csv.DictReader((tmp_path / "faces" / RECORD).read_text().splitlines()))
    assert [row["photo"] for row in rows] == [p.path.as_posix() for p in prepared.photos]
    assert {row["class"] for row in rows} == {"grin", "frown", ""}
    assert all(row["left_out"] or int(row["width"]) >= 40 for row in rows)


def test_splits_colour_and_size_are_kept(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("grin", "frown"):
            for i in range(2):
                look = "happy" if label == "grin" else "sad"
                seed = i + 10 * (split == "test")
                picture = draw_scene(look, seed=seed)
                picture[:, :, 0] //= 2  # less blue
                save(tmp_path / "photos" / split / label / f"{i}.jpg", picture)
    spec = InputSpec(64, 64, "rgb")
    prepared_from(tmp_path / "photos", tmp_path / "faces", spec)
    dataset = load_dataset(tmp_path / "faces", spec)
    assert dataset.images.shape == (8, 64, 64, 3)
    assert dataset.split_sizes() == {"train": 4, "validation": 0, "test": 4}
    red, _, blue = dataset.images.reshape(-1, 3).mean(axis=0)
    assert blue < 0.7 * red


def test_the_sheet_shows_what_was_left_out(photos: Path, tmp_path: Path) -> None:
    prepared = prepared_from(photos, tmp_path / "faces")
    save_prepared_sheet(photos, prepared)
    sheet = cv2.imread(str(tmp_path / "faces" / CONTACT_SHEET))
    assert sheet is not None
    assert (sheet.max(axis=2).astype(int) - sheet.min(axis=2) > 80).any()  # red captions


def test_names_that_look_alike_and_deeper_folders_keep_their_photos(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for index, name in enumerate(("1.2.jpg", "1-2.jpg", "session 1/a.jpg", "session 2/a.jpg")):
        save(photos / "grin" / name, draw_scene("happy", seed=index))
    save(photos / "frown" / "a.jpg", draw_scene("sad"))
    prepared = prepared_from(photos, tmp_path / "faces")
    assert "5 of 5 photos cropped" in prepared.text()
    dataset = load_dataset(tmp_path / "faces")
    assert dataset.label_names == ("frown", "grin")
    assert dataset.class_counts()[0].tolist() == [1, 4]


def test_a_photo_in_two_classes_is_in_none(tmp_path: Path) -> None:
    for label in ("grin", "frown"):
        save(tmp_path / "photos" / label / "same.png", draw_scene("happy"))
        save(tmp_path / "photos" / label / "own.png", draw_scene("sad", seed=len(label)))
    prepared = prepared_from(tmp_path / "photos", tmp_path / "faces")
    why = [photo.reason for photo in prepared.photos if photo.path.name == "same.png"]
    assert why == ["in two classes"] * 2
    assert "2 of 4 photos cropped" in prepared.text()


def test_wrong_places_are_said(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(FerError, match="there is no folder"):
        prepared_from(tmp_path / "absent", tmp_path / "faces")
    with pytest.raises(FerError, match="no photos in class folders"):
        prepared_from(photos / "grin", tmp_path / "faces")
    with pytest.raises(FerError, match="is in"):
        prepared_from(photos, photos / "faces")
    save(tmp_path / "walls" / "white" / "a.png", EMPTY)
    with pytest.raises(FerError, match=r"no photo of .*walls gave a face: no face found 1"):
        prepared_from(tmp_path / "walls", tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(FerError, match="is there already"):
        prepared_from(photos, tmp_path / "file")
    prepared_from(photos, tmp_path / "faces")
    with pytest.raises(FerError, match="is there already"):
        prepared_from(photos, tmp_path / "faces")


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX alone")
def test_names_that_are_no_utf8_survive(photos: Path, tmp_path: Path) -> None:
    happy = os.fsdecode("gl\u00fccklich".encode("latin-1"))  # of a Windows zip
    (photos / "grin").rename(photos / happy)
    (photos / happy / "0.png").rename(photos / happy / os.fsdecode(b"Foto \xe4.png"))
    prepared = prepared_from(photos, tmp_path / "faces")
    save_prepared_sheet(photos, prepared)
    rows = (tmp_path / "faces" / RECORD).read_bytes()
    assert b"gl\xfccklich/Foto \xe4.png" in rows
    dataset = load_dataset(tmp_path / "faces")
    assert happy in dataset.label_names
    report = classification_report(np.eye(2)[dataset.labels], dataset.labels, dataset.label_names)
    save_confusion(tmp_path / "confusion.png", report, happy)
    manifest = ModelManifest(happy, dataset.label_names, InputSpec(), "int8")
    ModelBundle(b"flatbuffer", manifest, happy).save(tmp_path / "a.tflite")
    assert ModelBundle.load(tmp_path / "a.tflite").manifest.labels == dataset.label_names
    config = TrainConfig(data=str(photos / happy))
    write_text(tmp_path / "config.toml", settings_toml(config))
    assert load_settings(TrainConfig, tmp_path / "config.toml", {}) == config


def test_photos_of_a_telephone_alone_are_said_to_need_conversion(tmp_path: Path) -> None:
    (tmp_path / "photos" / "grin").mkdir(parents=True)
    (tmp_path / "photos" / "grin" / "1.heic").write_bytes(b"from a phone")
    with pytest.raises(FerError, match=r"gave a face: format not read 1\. .*heif-convert"):
        prepared_from(tmp_path / "photos", tmp_path / "faces")


def test_a_test_set_is_split_off_and_its_photos_are_nowhere_else(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for clip in range(5):
        for index in range(2):
            save(root / "grin" / f"{clip}-{index}.png", draw_scene("happy", seed=10 * clip + index))
            save(root / "frown" / f"{clip}-{index}.png", draw_scene("sad", seed=10 * clip + index))
    out = tmp_path / "faces"
    prepared = prepare_photos(root, out, HaarDetector(), InputSpec(), test=0.2)
    assert "4 of these are the test set: frown 2, grin 2" in prepared.text()
    assert "few pictures (frown 8, grin 8): " in prepared.text()
    dataset = load_dataset(out)
    assert dataset.split_sizes() == {"train": 16, "validation": 0, "test": 4}
    assert dataset.duplicates_across_splits() == {}
    for label in ("grin", "frown"):
        clips = [
            {path.name.split("-")[0] for path in (out / split / label).iterdir()}
            for split in ("train", "test")
        ]
        assert [len(each) for each in clips] == [4, 1]
        assert not clips[0] & clips[1]
    with pytest.raises(FerError, match="is divided already: leave --test out"):
        prepare_photos(out, tmp_path / "again", HaarDetector(), InputSpec(), test=0.2)
    images = tmp_path / "archive"
    shutil.copytree(root, images / "images")
    prepare_photos(images, tmp_path / "flat", HaarDetector(), InputSpec(), test=0.2)
    assert load_dataset(tmp_path / "flat").split_sizes() == dataset.split_sizes()
    shutil.copytree(root, tmp_path / "nested" / "images" / "train")
    with pytest.raises(FerError, match="is divided already"):
        prepare_photos(tmp_path / "nested", tmp_path / "x", HaarDetector(), InputSpec(), test=0.2)


def test_names_like_those_of_fer2013_do_not_change_the_split(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for index in range(8):
        day = ("training", "PublicTest")[index % 2]  # of a photographer's own
        save(root / "grin" / f"{day}_{index}.png", draw_scene("happy", seed=3 * index))
        save(root / "frown" / f"{index}.png", draw_scene("sad", seed=3 * index))
    out = tmp_path / "faces"
    prepared = prepare_photos(root, out, HaarDetector(), InputSpec(), test=0.25)
    tested = sum(photo.split == "test" for photo in prepared.photos)
    sizes = load_dataset(out).split_sizes()
    assert sizes == {"train": 16 - tested, "validation": 0, "test": tested}
    assert tested >= 2
