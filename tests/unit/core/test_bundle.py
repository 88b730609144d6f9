import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.manifest import GoldenAnswers, ModelManifest
from fer_core.preprocess import InputSpec
from fer_core.typed_json import read_json

FLATBUFFER = b"\x1c\x00\x00\x00TFL3" + bytes(range(256)) * 4
MANIFEST = ModelManifest("net", ("a", "b"), InputSpec(24, 32, margin=0.1), "int8", temperature=1.3)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net-int8.tflite"
    ModelBundle(FLATBUFFER, MANIFEST, "# card\n").save(path)
    return path


def test_what_is_saved_is_what_is_loaded(saved: Path) -> None:
    bundle = ModelBundle.load(saved)
    assert bundle.model == FLATBUFFER
    assert replace(bundle.manifest, sha256="") == MANIFEST
    assert (bundle.card, bundle.name, bundle.path) == ("# card\n", "net-int8", saved)


def test_the_file_begins_with_the_flatbuffer_and_ends_with_a_zip(saved: Path) -> None:
    assert saved.read_bytes().startswith(FLATBUFFER)
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "labels.txt", "MODEL_CARD.md"]
        assert archive.read("labels.txt") == b"a\nb\n"


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_lists_what_it_carries(saved: Path) -> None:
    listed = subprocess.run(
        ["unzip", "-l", str(saved)], capture_output=True, text=True, check=False
    )
    assert "manifest.json" in listed.stdout


def test_the_same_bundle_gives_the_same_bytes() -> None:
    bundle = ModelBundle(FLATBUFFER, MANIFEST)
    assert bundle.to_bytes() == bundle.to_bytes()


@pytest.mark.parametrize("position", [0, 10, len(FLATBUFFER) - 1])
def test_one_damaged_byte_of_the_model_is_found(saved: Path, position: int) -> None:
    content = bytearray(saved.read_bytes())
    content[position] ^= 1
    saved.write_bytes(content)
    with pytest.raises(FerError, match="damaged: its hash"):
        ModelBundle.load(saved)


def test_no_damaged_byte_of_the_manifest_gives_a_traceback(saved: Path) -> None:
    content = saved.read_bytes()
    for position in range(len(FLATBUFFER), len(content)):
        for bit in (1, 64):
            damaged = bytearray(content)
            damaged[position] ^= bit
            saved.write_bytes(damaged)
            try:
                bundle = ModelBundle.load(saved)
            except FerError:
                continue
            assert bundle.model == FLATBUFFER


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 0.99])
def test_a_file_cut_short_is_refused(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FerError, match="no readable manifest"):
        ModelBundle.load(saved)


def test_a_plain_tflite_file_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(FLATBUFFER)
    with pytest.raises(FerError, match="fer-convert"):
        ModelBundle.load(path)
    with pytest.raises(FerError, match="cannot read the model"):
        ModelBundle.load(tmp_path / "absent.tflite")


def test_a_newer_schema_asks_for_an_update() -> None:
    newer = {**json.loads(MANIFEST.to_json()), "schema_version": 99}
    with pytest.raises(FerError, match="upgrade fer-edge-kit here"):
        ModelManifest.from_json(json.dumps(newer))


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"schema_version": 1}'])
def test_a_manifest_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FerError, match="manifest cannot be read"):
        ModelManifest.from_json(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", None),
        ("labels", [["a"], "b"]),
        ("labels", ["a", "a"]),
        ("labels", ["a"]),
        ("name", "../net"),
        ("name", "a\nb"),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", 0),
        ("schema_version", -1),
        ("schema_version", True),
        ("output", "votes"),
        ("provenance", []),
        ("provenance", {"macs": "many"}),
        ("provenance", {"parent_classes": "1 2 three"}),
        ("metrics", {"validation": {"child_accuracy": None}}),
        ("input", {"height": 0, "width": 48, "colour": "gray"}),
        ("input", {"height": 48, "width": 48, "colour": "gray", "values": [1, 0]}),
        ("input", 5),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_refused(field: str, value: object) -> None:
    wrong = {**json.loads(MANIFEST.to_json()), field: value}
    with pytest.raises(FerError, match="manifest"):
        ModelManifest.from_json(json.dumps(wrong))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, f'{{"a": {"9" * 5000}}}'])
def test_json_that_exhausts_a_reader_is_refused(text: str) -> None:
    with pytest.raises(FerError, match="manifest cannot be read"):
        ModelManifest.from_json(text)


def test_a_manifest_that_unpacks_to_gigabytes_is_refused_before_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tflite"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * 20_000_000)
        archive.writestr("MODEL_CARD.md", b"")
    with pytest.raises(FerError, match="no readable manifest"):
        ModelBundle.load(path)


def test_only_a_network_that_takes_other_values_needs_the_newer_schema() -> None:
    usual = json.loads(MANIFEST.to_json())
    assert (usual["schema_version"], "values" in usual["input"]) == (1, False)
    other = replace(MANIFEST, input=InputSpec(values=(0.0, 255.0)), output="logits")
    read = ModelManifest.from_json(other.to_json())
    assert (read.input, read.output, read.schema_version) == (other.input, "logits", 2)


def test_labels_that_are_no_utf8_survive(tmp_path: Path) -> None:
    odd = replace(MANIFEST, labels=("gl\udcfccklich", "traurig"))
    ModelBundle(FLATBUFFER, odd).save(tmp_path / "a.tflite")
    assert ModelBundle.load(tmp_path / "a.tflite").manifest.labels == odd.labels


def test_a_damaged_file_has_a_way_out(saved: Path) -> None:
    content = saved.read_bytes()
    for damaged in (content[:-9], b"x" + content[1:]):
        saved.write_bytes(damaged)
        with pytest.raises(FerError, match=r"Copy it again, or make it again with fer-convert\."):
            ModelBundle.load(saved)


def test_members_have_one_date_so_that_bytes_are_the_same_tomorrow(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_known_answers_are_written_and_read() -> None:
    golden = GoldenAnswers(3, ((0.25, 0.75), (1.0, 0.0)))
    told = replace(MANIFEST, golden=golden).to_json()
    assert ModelManifest.from_json(told).golden == golden
    assert "golden" not in json.loads(MANIFEST.to_json())
    names = list(json.loads(told))
    assert names == sorted(names)


def test_numbers_that_json_does_not_have_are_refused() -> None:
    for odd in ("NaN", "Infinity", "-Infinity"):
        text = MANIFEST.to_json().replace('"metrics": {}', f'"metrics": {{"x": {odd}}}')
        assert odd in text
        with pytest.raises(FerError, match="manifest cannot be read"):
            ModelManifest.from_json(text)


def test_json_of_a_type_is_read_with_what_it_is_called() -> None:
    assert read_json('{"version": 1, "answers": []}', GoldenAnswers, "the answers") == (
        GoldenAnswers(1, ())
    )
    with pytest.raises(FerError, match="the answers cannot be read"):
        read_json('{"version": -1, "answers": []}', GoldenAnswers, "the answers")
    with pytest.raises(FerError, match="the answers cannot be read"):
        read_json("{", GoldenAnswers, "the answers")
