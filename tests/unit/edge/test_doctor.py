import sys
from pathlib import Path

import pytest

from fer_core.errors import FerError
from fer_edge import board, doctor
from fer_edge.board import read_power, read_throttled, temperature_celsius
from fer_edge.doctor import Finding, examine
from fer_edge.sources import camera
from fer_edge.stages import StageTimes


def test_every_check_finds_something_here() -> None:
    findings = list(examine())
    assert [finding.name for finding in findings] == list(doctor._CHECKS)
    by_name = {finding.name: finding for finding in findings}
    assert {finding.verdict for finding in findings} <= {"ok", "note", "fault"}
    assert by_name["model"].verdict == by_name["opencv"].verdict == "ok"
    assert "follow" in by_name["speed"].detail
    assert all(finding.fix for finding in findings if finding.verdict == "fault")
    assert all(bool(finding.see) == (finding.verdict != "ok") for finding in findings)


def test_the_speed_is_that_of_a_face_in_every_frame() -> None:
    times = StageTimes()
    faces, frames = doctor._play_demo(times, 0.5)
    assert faces == frames > 0
    assert times.seconds["classify"] > 0


def test_a_python_of_32_bits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not doctor._python().detail.endswith("32-bit Python")
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert doctor._python().detail.endswith(", 32-bit Python")


def test_a_hot_board_gets_advice_that_cools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "temperature_celsius", lambda: 85.0)
    assert doctor._heat().fix == "a heat sink or a fan"


def test_a_fault_is_told_with_its_fix_and_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> Finding:
        message = "no TFLite runtime loads (x). Install the extra that fits: pip install y"
        raise FerError(message, see="runtime-missing")

    monkeypatch.setattr(doctor, "_CHECKS", {"runtime": fails})
    (finding,) = examine()
    assert (finding.verdict, finding.detail) == ("fault", "no TFLite runtime loads (x)")
    assert finding.fix == "Install the extra that fits: pip install y"
    assert [line.strip() for line in finding.text().splitlines()[1:]] == [
        "fix: Install the extra that fits: pip install y",
        "see docs/troubleshooting.md#runtime-missing",
    ]


def test_a_numpy_that_clashes_with_picamera2_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "picamera_problem", lambda: "No module named 'libcamera'")
    assert "--system-site-packages" in doctor._numpy().fix
    monkeypatch.setattr(camera, "picamera_problem", lambda: "numpy.dtype size changed")
    finding = doctor._numpy()
    assert finding.verdict == "fault"
    assert "numpy.dtype size changed" in finding.detail
    assert "edge-bookworm" in finding.fix


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("throttled=0x0\n", ""),
        ("throttled=0x50005\n", "under-voltage, throttled"),
        ("throttled=0x8", "soft temperature limit"),
        ("VCHI initialization failed", None),
    ],
)
def test_what_vcgencmd_says_is_read(answer: str, words: str | None) -> None:
    assert read_throttled(answer) == words


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    assert temperature_celsius(tmp_path) is None
    for index, reading in enumerate(("41500", "63250", "broken")):
        (tmp_path / f"thermal_zone{index}").mkdir()
        (tmp_path / f"thermal_zone{index}" / "temp").write_text(reading)
    assert temperature_celsius(tmp_path) == 63.25


@pytest.mark.parametrize(
    ("celsius", "slowed", "verdict"),
    [(50.0, "", "ok"), (85.0, "", "fault"), (60.0, "under-voltage", "fault"), (None, None, "ok")],
)
def test_heat_and_throttling_are_judged(
    celsius: float | None, slowed: str | None, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "temperature_celsius", lambda: celsius)
    monkeypatch.setattr(board, "throttling", lambda: slowed)
    finding = doctor._heat()
    assert finding.verdict == verdict
    assert bool(finding.fix) == bool(finding.see) == (verdict == "fault")


def test_codecs_are_no_cameras_and_closed_cameras_are_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("USB Camera", "bcm2835-codec-decode", "pispbe-input", "rpi-hevc-dec")
    for device, name in zip(("video0", "video10", "video11", "video19"), names, strict=True):
        (tmp_path / device).touch()
        (tmp_path / "names" / device).mkdir(parents=True)
        (tmp_path / "names" / device / "name").write_text(f"{name}\n")
    monkeypatch.setattr(doctor, "_DEVICES", tmp_path)
    monkeypatch.setattr(doctor, "_NAMES", tmp_path / "names")
    assert doctor._cameras().detail == "video0"
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    finding = doctor._cameras()
    assert finding.verdict == "fault"
    assert "usermod -aG video" in finding.fix
    assert "video1" not in finding.detail


def test_a_vcgencmd_that_hangs_costs_nothing_but_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text("#!/bin/sh\nexec sleep 5\n")
    command.chmod(0o755)
    monkeypatch.setattr(board.shutil, "which", lambda name: str(command))
    assert board.throttling() is None
    command.write_text("#!/bin/sh\necho throttled=0x4\n")
    assert board.throttling() == "throttled"


def test_the_power_of_a_pi_5_is_the_sum_over_its_rails() -> None:
    said = """     3V7_WL_SW_A current(0)=0.10000000A
       VDD_CORE_A current(7)=2.00000000A
     3V7_WL_SW_V volt(8)=3.70000000V
       VDD_CORE_V volt(15)=0.90000000V
          EXT5V_V volt(24)=5.14000000V
"""
    assert read_power(said) == pytest.approx(0.37 + 1.8)
    assert read_power('error=1 error_msg="Command not registered"') is None  # a Pi 4
