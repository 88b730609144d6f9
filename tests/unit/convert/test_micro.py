import ctypes
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_convert import micro
from fer_convert.c_files import save_c_files
from fer_convert.micro import BOARDS, MicroReport, check_micro, micro_pictures
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_edge.inference.models import load_model, shipped_models

PIXELS = np.random.default_rng(4).integers(0, 256, (6, 48, 48, 1), np.uint8)
REPORT = MicroReport(56_000, 122_120, "200 faces")
needs_micro = pytest.mark.skipif(
    micro.find_spec("tflite_micro") is None, reason="tflite-micro is not installed"
)


@needs_micro
def test_fer_nano_answers_alike_and_fits_a_small_board(nano: ModelBundle, real_data: Path) -> None:
    report = check_micro(nano, *micro_pictures(nano, real_data))
    assert report.pictures == f"200 pictures of {real_data.name}"
    assert (report.differing, report.codes) == (0, 0)
    assert report.flash_bytes < 1 << 20
    assert 100_000 < report.arena_bytes < 256 << 10
    assert report.fits(BOARDS[0])


@needs_micro
@pytest.mark.parametrize("name", sorted(set(shipped_models()) - {"fer-nano"}))
def test_shipped_models_answer_alike(name: str, real_data: Path) -> None:
    bundle = load_model(name)
    pictures, source = micro_pictures(bundle, real_data)
    assert check_micro(bundle, pictures[:20], source).differing == 0


@needs_micro
def test_other_answers_and_a_broken_network_are_said(
    nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = micro._answers

    def off_by_one(bundle: ModelBundle, codes: np.ndarray) -> tuple[np.ndarray, int]:
        answers, arena = real(bundle, codes)
        answers[2, 1] ^= 1
        return answers, arena

    def another_label(bundle: ModelBundle, codes: np.ndarray) -> tuple[np.ndarray, int]:
        answers, arena = real(bundle, codes)
        answers[2] = np.roll(answers[2], 1)
        return answers, arena

    monkeypatch.setattr(micro, "_answers", off_by_one)
    report = check_micro(nano, PIXELS, "6 faces")
    assert (report.differing, report.codes) == (1, 1)
    assert "the same label for each, 1 off by at most 1 code" in report.text()
    monkeypatch.setattr(micro, "_answers", another_label)
    with pytest.raises(FerError, match=r"gives 1 of 6 faces another label .* Do not use it there"):
        check_micro(nano, PIXELS, "6 faces")
    monkeypatch.setattr(micro, "_answers", real)
    monkeypatch.setattr(micro, "whole_kib", lambda count: count // 2)
    with pytest.raises(FerError, match=r"does not run in the 61,136 bytes it took"):
        check_micro(nano, PIXELS, "6 faces")
    broken = ModelBundle(nano.model[:20_000], nano.manifest)
    with pytest.raises(FerError, match="TensorFlow Lite Micro cannot run fer-nano-int8"):
        check_micro(broken, PIXELS, "6 faces")


def test_only_int8_goes_to_a_microcontroller(
    nano: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    floats = ModelBundle(nano.model, replace(nano.manifest, recipe="float32"))
    with pytest.raises(FerError, match="fer-nano-float32 is not int8"):
        check_micro(floats, PIXELS, "6 faces")
    monkeypatch.setattr(micro, "find_spec", lambda name: None)
    with pytest.raises(FerError, match="tflite-micro is not installed"):
        check_micro(nano, PIXELS, "6 faces")


def test_without_data_noise_is_answered(nano: ModelBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro, "default_data_path", lambda: None)
    noise, named = micro_pictures(nano, None)
    assert named == "200 pictures of noise"
    assert noise.shape == (200, 48, 48, 1)
    assert np.array_equal(noise, micro_pictures(nano, None)[0])


def test_a_board_needs_room_for_the_program_too() -> None:
    board = BOARDS[0]
    assert REPORT.fits(board)
    assert not MicroReport(REPORT.flash_bytes, board.ram_bytes, "").fits(board)
    assert not MicroReport(board.flash_bytes - 50_000, 1000, "").fits(board)
    assert "fits          Arduino Nano 33 BLE" in REPORT.text()
    assert "too large for Raspberry Pi Pico (RP2040)" in MicroReport(1, 250_000, "").text()


def test_the_c_files_compile_and_hold_the_network(nano: ModelBundle, tmp_path: Path) -> None:
    odd = replace(nano.manifest, labels=('say "hi"', "b\\c", *nano.manifest.labels[2:]))
    header, source = save_c_files(ModelBundle(nano.model, odd), REPORT, tmp_path)
    assert header.name == "fer_nano_int8.h"
    first = replace(nano.manifest, name="1")  # as TensorFlow Serving names its folders
    assert save_c_files(ModelBundle(nano.model, first), REPORT, tmp_path)[0].stem == "model_1_int8"
    assert "FER_NANO_INT8_ARENA_BYTES 122880" in header.read_text()
    operations = "ADD, CONV_2D, DEPTHWISE_CONV_2D, MEAN, RESHAPE, SOFTMAX"
    assert f"Operations to register: {operations}.\n" in header.read_text()
    if shutil.which("gcc") is None:
        values = re.findall(r"\d+(?=,)", source.read_text().partition("{")[2].partition("}")[0])
        assert bytes(map(int, values)) == nano.model
        return
    library = tmp_path / "nano.so"
    command = ["gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source]
    subprocess.run(command, check=True)
    held = ctypes.CDLL(str(library))
    size = ctypes.c_uint.in_dll(held, "fer_nano_int8_bytes").value
    assert bytes((ctypes.c_ubyte * size).in_dll(held, "fer_nano_int8")) == nano.model
    labels = (ctypes.c_char_p * 7).in_dll(held, "fer_nano_int8_labels")
    assert [label.decode() for label in labels] == list(odd.labels)
