import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_core.errors import FerError
from fer_core.labels import FER2013_LABELS
from fer_core.preprocess import InputSpec
from fer_core.readers import default_data_path, load_dataset
from fer_core.rows import Faults

PIXELS = " ".join(["7"] * 2304)
GOOD = [f"0,{PIXELS},Training", f"3,{PIXELS[:-1]}9,PublicTest", f"6,{PIXELS[:-1]}8,PrivateTest"]


def write_csv(folder: Path, rows: list[str], head: str = "emotion,pixels,Usage") -> Path:
    path = folder / "fer2013.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_fer2013_csv(tmp_path: Path) -> None:
    dataset = load_dataset(write_csv(tmp_path, GOOD))
    assert dataset.images.shape == (3, 48, 48)
    assert dataset.images[1, -1, -1] == 9
    assert dataset.labels.tolist() == [0, 3, 6]
    assert dataset.split.tolist() == [0, 1, 2]
    assert dataset.label_names == FER2013_LABELS
    assert (dataset.name, dataset.numbered) == ("fer2013.csv", True)


def test_icml_face_data_has_its_columns_elsewhere(tmp_path: Path) -> None:
    rows = [f"3,PublicTest,{PIXELS}"]
    dataset = load_dataset(write_csv(tmp_path, rows, "emotion, Usage, pixels"))
    assert (dataset.labels[0], dataset.split[0]) == (3, 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"0,{PIXELS} 7,Training", r"line 5: 2305 pixels, expected 2304 \(48x48\)"),
        (f"7,{PIXELS},Training", "line 5: label '7', expected 0 to 6"),
        (f"happy,{PIXELS},Training", "line 5: label 'happy'"),
        (f"0,{PIXELS[:-1]}256,Training", "line 5: pixels from 7 to 256"),
        (f"0,{PIXELS[:-1]}x,Training", "line 5: pixels that are no whole numbers"),
        ("0,,Training", "line 5: 0 pixels"),
        ("0", "line 5: usage ''"),
        (f"0,{PIXELS},Holiday", "line 5: usage 'Holiday', expected Training"),
    ],
)
def test_a_bad_row_is_named_and_can_be_left_out(tmp_path: Path, row: str, message: str) -> None:
    path = write_csv(tmp_path, [*GOOD, row])
    with pytest.raises(FerError, match=message) as caught:
        load_dataset(path)
    assert "fer2013.csv: 1 bad rows" in str(caught.value)
    assert "--skip-bad" in str(caught.value)
    dataset = load_dataset(path, skip_bad=True)
    assert (len(dataset), len(dataset.faults)) == (3, 1)
    assert "bad rows left out: 1" in dataset.describe()


def test_many_bad_rows_are_counted_and_a_few_shown(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [f"9,{PIXELS},Training"] * 8)
    with pytest.raises(FerError, match="8 bad rows") as caught:
        load_dataset(path)
    assert "and 3 more" in str(caught.value)


def test_five_bad_rows_are_shown_each_on_its_line() -> None:
    faults = Faults("faces", skip=False)
    for row in "abcde":
        faults.add(row, "bad")
    five = "\n  a: bad\n  b: bad\n  c: bad\n  d: bad\n  e: bad"
    assert faults.shown() == five
    faults.add("f", "bad")
    assert faults.shown() == f"{five}\n  and 1 more"


def test_a_csv_with_an_unclosed_quote_is_damaged(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [*GOOD, '0,"' + "7 " * 9_000_000])
    with pytest.raises(FerError, match="the file is damaged"):
        load_dataset(path)


def test_a_csv_with_an_unclosed_quote_in_its_header_is_damaged(tmp_path: Path) -> None:
    path = write_csv(tmp_path, ["7 " * 9_000_000], '"emotion,pixels,Usage')
    with pytest.raises(FerError, match=r"line 1: field larger than field limit .* is damaged"):
        load_dataset(path)


def test_a_csv_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="no column pixels and no usage"):
        load_dataset(write_csv(tmp_path, ["1,2"], "emotion,name"))
    with pytest.raises(FerError, match="no picture that can be read"):
        load_dataset(write_csv(tmp_path, []))


def test_npz(tmp_path: Path) -> None:
    drawn = drawn_dataset((2, 1, 1))
    dataset = load_dataset(save_npz(tmp_path / "drawn.npz", drawn))
    assert np.array_equal(dataset.images, drawn.images)
    assert dataset.split_sizes() == {"train": 14, "validation": 7, "test": 7}


def test_npz_faults(tmp_path: Path) -> None:
    drawn = drawn_dataset((1, 1, 1))
    path = tmp_path / "bad.npz"
    labels = drawn.labels.copy()
    labels[4] = 12
    np.savez(path, images=drawn.images, labels=labels, usage=drawn.split)
    with pytest.raises(FerError, match=r"row 4: label 12 \(expected 0 to 6\)"):
        load_dataset(path)
    skipped = load_dataset(path, skip_bad=True)
    assert (len(skipped.faults), 4 in skipped.rows) == (1, False)
    usage = drawn.split.copy()
    usage[4] = 3
    np.savez(path, images=drawn.images, labels=drawn.labels, usage=usage)
    with pytest.raises(FerError, match=r"row 4: label 4 .*usage .*3"):
        load_dataset(path)
    endless = np.where(np.arange(len(drawn)) == 4, np.inf, drawn.labels)
    np.savez(path, images=drawn.images, labels=endless, usage=drawn.split)
    with pytest.raises(FerError, match=r"row 4: label -?\d+ \(expected 0 to 6\)"):
        load_dataset(path)
    np.savez(path, images=drawn.images, labels=drawn.labels)
    with pytest.raises(FerError, match="lacks usage"):
        load_dataset(path)
    np.savez(path, images=drawn.images[:, 0], labels=drawn.labels, usage=drawn.split)
    with pytest.raises(FerError, match="images must be"):
        load_dataset(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FerError, match="cannot read"):
        load_dataset(path)


def test_npz_forms_that_are_none_and_forms_that_are_fine(tmp_path: Path) -> None:
    drawn = drawn_dataset((1, 1, 1))
    path = tmp_path / "drawn.NPZ"
    usage = np.array([b"Training", b"PublicTest", b"PrivateTest"])[drawn.split]
    with path.open("wb") as file:
        np.savez(file, images=drawn.images, labels=drawn.labels, usage=usage)
    assert load_dataset(path).split.tolist() == drawn.split.tolist()
    with path.open("wb") as file:
        np.savez(file, images=drawn.images, labels=drawn.labels.astype(str), usage=usage)
    with pytest.raises(FerError, match="labels must be whole numbers"):
        load_dataset(path)
    with path.open("wb") as file:
        np.savez(file, images=drawn.images[:0], labels=drawn.labels[:0], usage=usage[:0])
    with pytest.raises(FerError, match="no picture that can be read"):
        load_dataset(path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = write_csv(tmp_path, GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load_dataset(path)) == 3


def save_tree(root: Path, layout: dict[str, int]) -> Path:
    """Write empty-handed pictures: folder below `root` -> how many."""
    for number, (folder, count) in enumerate(layout.items()):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            picture = np.full((20, 20), number * 10 + index, np.uint8)
            cv2.imwrite(str(root / folder / f"{index}.png"), picture)
    return root


@pytest.mark.parametrize("prefix", ["", "images/"])
@pytest.mark.parametrize("second", ["test", "validation"])
def test_folders_with_splits(tmp_path: Path, prefix: str, second: str) -> None:
    names = {"train": 2, second: 1}
    layout = {f"{prefix}{part}/{c}": n for part, n in names.items() for c in FER2013_LABELS}
    dataset = load_dataset(save_tree(tmp_path, layout))
    assert dataset.label_names == FER2013_LABELS
    assert dataset.images.shape == (21, 48, 48)
    assert dataset.split_sizes()["train"] == 14
    assert dataset.split_sizes()[second] == 7


def test_own_classes_in_one_folder_each(tmp_path: Path) -> None:
    dataset = load_dataset(save_tree(tmp_path, {"smile": 3, "frown": 2}))
    assert dataset.label_names == ("frown", "smile")
    assert dataset.split_sizes() == {"train": 5, "validation": 0, "test": 0}


def test_official_file_names_give_the_split_back(tmp_path: Path) -> None:
    save_tree(tmp_path, {"happy": 1, "sad": 1})
    (tmp_path / "happy" / "0.png").rename(tmp_path / "happy" / "PrivateTest_88.png")
    (tmp_path / "sad" / "0.png").rename(tmp_path / "sad" / "Training_3.png")
    assert load_dataset(tmp_path).split.tolist() == [2, 0]


def test_a_picture_of_a_test_folder_is_never_learned_from(tmp_path: Path) -> None:
    for split in ("train", "test"):
        save_tree(tmp_path / split, {"happy": 2, "sad": 2})
    test = tmp_path / "test" / "happy"
    (test / "0.png").rename(test / "training_1.png")
    (test / "1.png").rename(test / "PublicTest_2.png")  # in test/, as Kaggle's folders have it
    dataset = load_dataset(tmp_path)
    assert dataset.split_sizes() == {"train": 4, "validation": 1, "test": 3}


def test_unreadable_and_empty_pictures_are_named(tmp_path: Path) -> None:
    save_tree(tmp_path, {"happy": 2, "sad": 1})
    (tmp_path / "sad" / "empty.jpg").write_bytes(b"")
    (tmp_path / "sad" / "notes.txt").write_text("no picture, no fault")
    (tmp_path / "sad" / "folder.png").mkdir()
    with pytest.raises(FerError, match=r"empty\.jpg: empty"):
        load_dataset(tmp_path)
    cv2.imwrite(str(tmp_path / "sad" / "last.png"), np.zeros((20, 20), np.uint8))
    dataset = load_dataset(tmp_path, skip_bad=True)
    assert dataset.faults[0].endswith("empty.jpg: empty")
    assert dataset.rows.tolist() == [0, 1, 2, 4]  # the number of the file, read or not
    assert not dataset.numbered


def test_folders_are_read_in_colour_where_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "0.png"), np.full((20, 20, 3), (10, 90, 200), np.uint8))
    colour = load_dataset(tmp_path, InputSpec(20, 20, "rgb"))
    assert colour.images[0, 0, 0].tolist() == [200, 90, 10]
    gray = load_dataset(tmp_path, InputSpec(20, 20))
    assert gray.images[0, 0, 0] == pytest.approx(113.8, abs=1)


@pytest.mark.parametrize(
    ("first", "second", "part"),
    [
        ("Training", "Testing", "test"),
        ("train", "eval", "validation"),
        ("TRAIN", "Validate", "validation"),
        ("train", "valid", "validation"),
        ("train", "dev", "validation"),
        ("Train", "Test", "test"),
    ],
)
def test_split_folders_have_the_names_that_people_give_them(
    tmp_path: Path, first: str, second: str, part: str
) -> None:
    save_tree(tmp_path, {f"{each}/{c}": 2 for each in (first, second) for c in ("a", "b")})
    dataset = load_dataset(tmp_path)
    assert dataset.label_names == ("a", "b")
    assert {name: n for name, n in dataset.split_sizes().items() if n} == {"train": 4, part: 4}


def test_a_folder_beside_the_splits_is_refused_by_name(tmp_path: Path) -> None:
    save_tree(tmp_path, {"train/a": 1, "train/b": 1, "holdout/a": 1, "__MACOSX/a": 1})
    with pytest.raises(FerError, match="holds holdout next to train: name the folder train, valid"):
        load_dataset(tmp_path)
    (tmp_path / "holdout").rename(tmp_path / ".holdout")
    assert len(load_dataset(tmp_path)) == 2


def test_pictures_outside_the_class_folders_are_counted(tmp_path: Path) -> None:
    save_tree(tmp_path, {"train/a": 1, "train/b": 1, "test/a": 1, "train": 2})
    (tmp_path / "loose.heic").write_bytes(b"?")
    (tmp_path / "contact-sheet.png").write_bytes(b"what prepare writes")
    told = load_dataset(tmp_path).describe()
    assert "left out: 3 pictures in no class folder, such as loose.heic" in told


def test_a_class_without_any_picture_is_left_out(tmp_path: Path) -> None:
    pixels = " ".join(["7"] * 2304)
    path = write_csv(tmp_path, [f"{label},{pixels},Training" for label in (0, 2, 3, 4, 5, 6)])
    dataset = load_dataset(path).without_empty_classes()
    assert dataset.label_names == ("angry", "fear", "happy", "sad", "surprise", "neutral")
    assert dataset.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert "no picture of disgust: left out" in dataset.describe()


def test_classes_that_differ_in_capitals_are_one(tmp_path: Path) -> None:
    folders = {"train/Angry": 2, "train/happy": 2, "test/angry": 1, "test/Happy": 1}
    save_tree(tmp_path, folders)
    dataset = load_dataset(tmp_path)
    assert dataset.label_names == ("angry", "happy")
    assert dataset.class_counts().tolist() == [[2, 2], [0, 0], [1, 1]]
    assert "taken for one class: Angry, angry" in dataset.describe()


def test_classes_of_a_mac_are_those_that_one_types(tmp_path: Path) -> None:
    """A Mac may store a letter apart from its accent (NFD)."""
    apart, together = unicodedata.normalize("NFD", "fröhlich"), "fröhlich"
    save_tree(tmp_path, {f"train/{apart}": 2, "train/sad": 2, f"test/{together}": 1, "test/sad": 1})
    dataset = load_dataset(tmp_path)
    assert dataset.label_names == (together, "sad")
    assert dataset.class_counts().tolist() == [[2, 2], [0, 0], [1, 1]]


def test_a_class_without_a_training_picture_is_said(tmp_path: Path) -> None:
    save_tree(tmp_path, {"train/a": 2, "train/b": 2, "test/a": 1, "test/c": 1})
    with pytest.raises(FerError, match="has no training picture of c: add some"):
        load_dataset(tmp_path).require_every_class()


def test_pictures_of_every_kind_are_read_and_the_rest_is_counted(tmp_path: Path) -> None:
    save_tree(tmp_path, {"a": 1, "b": 1})
    deeper = tmp_path / "a" / "positives" / "positives7"
    deeper.mkdir(parents=True)
    decoded = np.full((64, 64, 3), 90, np.uint8)
    for name in ("x.tif", "x.tiff", "x.jp2", "x.bmp", "x.webp"):
        assert cv2.imwrite(str(deeper / name), decoded)
    (deeper / "x.jfif").write_bytes(cv2.imencode(".jpg", decoded)[1].tobytes())
    for name in ("y.heic", "z.HEIC", "notes.txt", "Thumbs.db"):
        (deeper / name).write_bytes(b"?")
    dataset = load_dataset(tmp_path)
    assert len(dataset) == 2 + 6
    assert "left out: 2 HEIC (convert it with heif-convert" in dataset.describe()
    assert "1 .txt: no picture" in dataset.describe()


def test_whole_photos_are_told_from_cropped_faces(tmp_path: Path) -> None:
    save_tree(tmp_path, {"a": 1, "b": 1})
    cv2.imwrite(str(tmp_path / "a" / "photo.png"), np.full((60, 90, 3), 90, np.uint8))
    told = load_dataset(tmp_path).describe()
    assert "1 of 3 pictures are not square (up to 90x60) and were squeezed to 48x48" in told
    assert "fer-train prepare" in told


def test_images_beside_classes_is_refused_and_alone_is_the_root(tmp_path: Path) -> None:
    save_tree(tmp_path, {"images/a": 1, "images/b": 1})
    assert len(load_dataset(tmp_path)) == 2
    save_tree(tmp_path, {"c": 1})
    with pytest.raises(FerError, match="holds images/ next to c"):
        load_dataset(tmp_path)


def test_labels_written_as_decimals_are_read(tmp_path: Path) -> None:
    pixels = " ".join(["7"] * 2304)
    path = write_csv(tmp_path, [f"3.0,{pixels},Training", f"0.0,{pixels},PublicTest"])
    assert load_dataset(path).labels.tolist() == [3, 0]
    path = write_csv(tmp_path, [f"0.5,{pixels},Training"])
    with pytest.raises(FerError, match=r"label '0\.5', expected 0 to 6"):
        load_dataset(path, skip_bad=True)


def test_wrong_places_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FER2013", raising=False)
    monkeypatch.chdir(tmp_path)
    assert default_data_path() is None
    with pytest.raises(FerError, match="give --data PATH, set FER2013"):
        load_dataset(None)
    with pytest.raises(FerError, match="no data set at"):
        load_dataset(tmp_path / "absent.csv")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(FerError, match="is no data set"):
        load_dataset(tmp_path / "notes.txt")
    with pytest.raises(FerError, match="holds 0 class folders"):
        load_dataset(tmp_path)
    (tmp_path / "data").mkdir()
    save_npz(tmp_path / "data" / "fer2013.npz", drawn_dataset((1, 1, 1)))
    assert len(load_dataset(None)) == 21


def test_real_fer2013_has_the_published_counts(real_data: Path) -> None:
    dataset = load_dataset(real_data)
    assert dataset.split_sizes() == {"train": 28709, "validation": 3589, "test": 3589}
    counts = np.bincount(dataset.part("test").labels).tolist()
    assert counts == [491, 55, 528, 879, 594, 416, 626]
    assert dataset.duplicates_across_splits()["test", "train"] == 288


def test_the_table_comes_before_the_archive_and_the_variable_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FER2013", raising=False)
    (tmp_path / "data").mkdir()
    for name in ("fer2013.npz", "fer2013.csv"):
        (tmp_path / "data" / name).write_bytes(b"")
        assert default_data_path() == Path("data") / name
    monkeypatch.setenv("FER2013", "elsewhere.csv")
    assert default_data_path() == Path("elsewhere.csv")
