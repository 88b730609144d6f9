"""The checks of `fer-edge doctor`: what is here, and which command fixes what is not."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fer_core.cores import machine
from fer_core.errors import FerError
from fer_core.logs import EXPLAINED
from fer_edge.faces.detectors import DEFAULT_DETECTOR, DETECTORS
from fer_edge.stages import StageTimes

NEWEST, OLDEST = (3, 14), (3, 10)
HOT_CELSIUS = 80.0
SPEED_SECONDS = 1.0
_DEVICES, _NAMES = Path("/dev"), Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was checked.
        verdict: ok, note or fault.
        detail: What is there, or what is wrong.
        fix: A command or advice; empty for none.
        see: The section of docs/troubleshooting.md that explains it; empty for none.
    """

    name: str
    verdict: str
    detail: str
    fix: str = ""
    see: str = ""

    @classmethod
    def of(cls, name: str, verdict: str, error: FerError) -> Finding:
        """Return what an error tells: from its install command on, it is the fix."""
        detail, fix = _split(str(error))
        return cls(name, verdict, detail, fix, error.see)

    def text(self) -> str:
        """Return the finding in one line, and its fix and code in others."""
        line = f"{self.verdict:<6}{self.name:<10}{self.detail}"
        more = [f"fix: {self.fix}"] if self.fix else []
        more += [EXPLAINED.format(code=self.see)] if self.see else []
        return "\n".join([line, *(f"{'':16}{each}" for each in more)])


def examine() -> Iterator[Finding]:
    """Yield a finding for every check, in the order in which things depend on each other."""
    for name, check in _CHECKS.items():
        try:
            yield check()
        except FerError as error:
            yield Finding.of(name, "fault", error)


def _split(message: str) -> tuple[str, str]:
    """Divide a message into what is wrong and, from its install command on, the fix."""
    places = [
        at
        for mark in ("Install the extra", "pip install", "sudo ")
        if (at := message.find(mark)) >= 0
    ]
    if not places:
        return message, ""
    return message[: min(places)].rstrip(" :;.(,"), message[min(places) :]


def _python() -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {machine()}"
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return Finding("python", "ok", detail)
    return Finding("python", "fault", detail, "use Python 3.10 to 3.14", see="python-version")


def _runtime() -> Finding:
    from fer_edge.inference.interpreter import runtime_name

    name = runtime_name()
    if name.startswith("tflite-runtime"):
        detail = f"{name}: int8 without XNNPACK, 2 to 16 times slower"
        return Finding("runtime", "note", detail, see="runtime-slow")
    return Finding("runtime", "ok", f"{name}, XNNPACK kernels")


def _opencv() -> Finding:
    from fer_core.opencv import cv2
    from fer_edge.faces.haar import HaarCascade

    HaarCascade()
    return Finding("opencv", "ok", f"{cv2.__version__}, with its face cascade")


def _numpy() -> Finding:
    import numpy as np

    from fer_edge.sources.camera import picamera_problem

    problem = picamera_problem()
    if problem is None:
        return Finding("numpy", "ok", np.__version__)
    if "numpy" not in problem:
        fix = "sudo apt install python3-picamera2, and a venv with --system-site-packages"
        detail = f"{np.__version__}; picamera2: {problem}"
        return Finding("numpy", "fault", detail, fix, see="picamera2-missing")
    fix = "pip uninstall numpy, then pip install '.[edge-bookworm]' in the folder of fer-edge-kit"
    detail = f"{np.__version__}, but picamera2: {problem}"
    return Finding("numpy", "fault", detail, fix, see="numpy-conflict")


def _cameras() -> Finding:
    from fer_edge.sources.camera import has_picamera

    devices = [device for device in sorted(_DEVICES.glob("video*")) if _may_be_a_camera(device)]
    closed = [device for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        names = ", ".join(map(str, closed))
        fix = "sudo usermod -aG video $USER, then log in again"
        detail = f"not allowed to open {names}"
        return Finding("cameras", "fault", detail, fix, see="camera-not-allowed")
    found = [device.name for device in devices] + ["picamera2"] * has_picamera()
    if not found and sys.platform.startswith("linux"):
        detail = "none found: pictures, videos and network cameras still work"
        fix = "plug one in; for a camera module: sudo apt install python3-picamera2"
        return Finding("cameras", "note", detail, fix, see="camera-not-found")
    return Finding("cameras", "ok", ", ".join(found) or f"not listed on {platform.system()}")


def _may_be_a_camera(device: Path) -> bool:
    """Return whether a video device is none of the codecs and converters of a Pi."""
    try:
        name = (_NAMES / device.name / "name").read_text()
    except OSError:
        return True
    return not name.startswith(("bcm2835-codec", "bcm2835-isp", "rpivid", "rpi-hevc-dec", "pispbe"))


def _display() -> Finding:
    from fer_edge.outputs.window import display_problem

    problem = display_problem()
    if problem:
        return Finding("display", "note", *_split(problem), see="window-impossible")
    return Finding("display", "ok", "there")


def _recording() -> Finding:
    from fer_edge.outputs.encoding import load_pyav

    try:
        return Finding("recording", "ok", f"PyAV {load_pyav().__version__}")
    except FerError as error:
        return Finding.of("recording", "note", error)


def _model() -> Finding:
    from fer_edge.inference.models import load_model, shipped_models

    names = list(shipped_models())
    for name in names:
        load_model(name)
    return Finding("model", "ok", f"{', '.join(names)}: every byte as shipped")


def _speed() -> Finding:
    times = StageTimes()
    _, frames = _play_demo(times, SPEED_SECONDS)
    parts = ", ".join(
        f"{name} {1e3 * times.seconds[name] / max(1, frames):.2f}"
        for name in ("search", "follow", "classify")
    )
    return Finding("speed", "ok", f"640x480, one face, ms a frame: {parts}")


def _detectors() -> Finding:
    told, fix, see = [], "", ""
    for name in DETECTORS:
        times = StageTimes()
        try:
            _, frames = _play_demo(times, SPEED_SECONDS, name)
        except FerError as error:
            (reason, fix), see = _split(str(error)), error.see
            told.append(f"{name}: {reason.rstrip(': ')}")
            continue
        spent = times.seconds["search"] + times.seconds["follow"]
        told.append(f"{name} {1e3 * spent / max(1, frames):.1f} ms a frame")
    return Finding("detectors", "note" if fix else "ok", ", ".join(told), fix, see)


def _play_demo(
    times: StageTimes, seconds: float, detector: str = DEFAULT_DETECTOR
) -> tuple[int, int]:
    """Follow and classify the demo's face in every frame; return how many faces and frames."""
    from fer_edge.inference.classifier import TfliteClassifier
    from fer_edge.inference.interpreter import TfliteModel
    from fer_edge.inference.models import load_model
    from fer_edge.session.config import EdgeConfig
    from fer_edge.session.watch import stream_analyzer
    from fer_edge.sources.demo import DemoSource

    classifier = TfliteClassifier(TfliteModel(load_model()), times)
    analyzer = stream_analyzer(EdgeConfig(rate=0, detector=detector), classifier, times)
    faces, frames, ends = 0, 0, time.perf_counter() + seconds
    for frame in DemoSource(frames=10_000).frames(threading.Event()):
        faces += len(analyzer.analyze(frame).observations)
        frames += 1
        if time.perf_counter() > ends:
            break
    return faces, frames


def _heat() -> Finding:
    from fer_edge.board import temperature_celsius, throttling

    celsius, slowed = temperature_celsius(), throttling()
    detail = "not told here" if celsius is None else f"{celsius:.0f} degrees Celsius"
    if slowed:
        fix = "a better power supply" if "voltage" in slowed else "a heat sink or a fan"
        return Finding("heat", "fault", f"{detail}, {slowed}", fix, see="board-slowed")
    if celsius is not None and celsius >= HOT_CELSIUS:
        return Finding("heat", "fault", detail, "a heat sink or a fan", see="board-hot")
    return Finding("heat", "ok", detail)


_CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _python,
    "runtime": _runtime,
    "opencv": _opencv,
    "numpy": _numpy,
    "cameras": _cameras,
    "display": _display,
    "recording": _recording,
    "model": _model,
    "speed": _speed,
    "detectors": _detectors,
    "heat": _heat,
}
