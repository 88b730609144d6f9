"""Wiring: from settings and wishes to a source, a policy, outputs and one run of the pipeline."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from fer_core.command import talk
from fer_core.errors import ArgumentError
from fer_core.files import make_folder
from fer_core.opencv import silence_opencv
from fer_edge.board import temperature_celsius
from fer_edge.config import EdgeConfig
from fer_edge.faces.detector import FaceDetector, HaarDetector
from fer_edge.faces.following import FollowingDetector, SearchPlan
from fer_edge.faces.policy import PicturePolicy, Policy, StreamPolicy
from fer_edge.faces.tracking import IouTracker
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.outputs import Output
from fer_edge.outputs.heat import HeatOutput
from fer_edge.outputs.lines import ConsoleOutput, EventOutput, JsonOutput, LineFile
from fer_edge.outputs.plot import PlotOutput
from fer_edge.outputs.recording import SAVED_SUFFIXES, make_recorder
from fer_edge.outputs.stamp import Stamp, own_name
from fer_edge.outputs.video import VideoRecorder
from fer_edge.outputs.watchdog import WatchdogOutput, end_when_stalled, nobody_sits_here
from fer_edge.outputs.window import WindowOutput, display_problem
from fer_edge.pipeline import PipelineSummary, run
from fer_edge.signals import Signals
from fer_edge.sources import FrameSource
from fer_edge.sources.camera import open_camera
from fer_edge.sources.demo import FPS, DemoSource
from fer_edge.sources.files import PictureSource, VideoSource, picture_files
from fer_edge.sources.live import CameraSource
from fer_edge.sources.rotation import RotatedSource
from fer_edge.stages import StageTimes
from fer_edge.systemd import is_supervised
from fer_edge.wishes import Wishes

DEMO_FOLDER = Path("fer-edge-demo")


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The pipeline's summary, its times, the frames a camera dropped, the files written."""

    summary: PipelineSummary
    times: StageTimes
    interrupted: bool
    dropped: int = 0
    saved: tuple[Path, ...] = ()

    def text(self) -> str:
        """Return counts and speed, and below them what each stage took."""
        summary = self.summary
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        celsius = temperature_celsius()
        heat = "" if celsius is None else f", {celsius:.0f} degrees Celsius"
        speed = f"{summary.frames_per_second:.1f} frames/s{dropped}{heat}"
        table = self.times.table(summary.frames)
        return f"{summary.frames} frames, {summary.faces} faces, {speed}\n{table}"


def watch(config: EdgeConfig, wishes: Wishes) -> SessionResult:
    """Run the whole way once; raise FerError for what the user can mend."""
    silence_opencv()
    found = picture_files(wishes.pictures)
    wishes = replace(wishes, pictures=_but_for_saved_ones(found.files, wishes.save))
    if found.others:
        talk(wishes.quiet)(f"left out: {found.left_out()}")
    one = wishes.save and wishes.save.suffix.lower() in SAVED_SUFFIXES
    if one and len(wishes.pictures) > 1:
        raise ArgumentError(
            f"{wishes.save} holds one picture, and there are {len(wishes.pictures)}: --save FOLDER"
        )
    if wishes.plot and len(wishes.pictures) != 1:
        raise ArgumentError("--plot goes with one picture: fer-edge PICTURE --plot OUT.png")
    times = StageTimes()
    model = TfliteModel(load_model(config.model), config.threads)
    classifier = TfliteClassifier(model, times)
    stop = threading.Event()
    with Signals(stop) as signals, ExitStack() as stack:
        last = [stack.enter_context(_make_watchdog())] if wishes.camera else []
        _spare_what_is_watched(wishes)
        source = stack.enter_context(closing(_make_source(config, wishes)))
        detector, policy = _make_eyes(config, wishes, stack, times)
        files = _line_files(wishes, stack)
        stamp = Stamp(config.mqtt_name or own_name())
        outputs, saved = _make_outputs(wishes, files, stamp, source, stop, stack, times)
        if (config.serve or config.mqtt) and not wishes.pictures:
            from fer_edge.shelf import make_shelf_outputs

            labels = model.bundle.manifest.labels
            kept = wishes.stored(is_supervised())
            outputs += make_shelf_outputs(config, labels, source, list(files.values()), kept, stack)
        outputs += last
        turned = RotatedSource(source, config.rotate, config.mirror)
        reading = "wait" if wishes.camera else "read"
        signals.in_loop = True
        summary = run(turned, detector, classifier, policy, outputs, stop, times, reading)
    dropped = source.dropped if isinstance(source, CameraSource) else 0
    return SessionResult(summary, times, signals.came, dropped, saved)


def _but_for_saved_ones(files: tuple[Path, ...], save: Path | None) -> tuple[Path, ...]:
    """Return the pictures that do not lie where an earlier run saved its own."""
    if save is None or not save.is_dir():
        return files
    place = save.resolve()
    return tuple(file for file in files if not file.resolve().is_relative_to(place))


def _make_eyes(
    config: EdgeConfig, wishes: Wishes, stack: ExitStack, times: StageTimes
) -> tuple[FaceDetector, Policy]:
    """Return what finds faces and what follows them: thorough for pictures, swift for streams."""
    detector: FaceDetector
    policy: Policy
    if wishes.pictures:
        detector, policy = HaarDetector(times=times), PicturePolicy()
    else:
        searcher = stack.enter_context(ThreadPoolExecutor(1, "search")) if wishes.camera else None
        detector, policy = make_stream_eyes(config, times, searcher)
    if wishes.faces:
        from fer_edge.identity.naming import naming_policy

        beside = stack.enter_context(ThreadPoolExecutor(1, "who")) if wishes.camera else None
        policy = naming_policy(policy, wishes.faces, talk(wishes.quiet), beside)
    return detector, policy


def _make_watchdog() -> WatchdogOutput:
    return WatchdogOutput(stall=end_when_stalled) if nobody_sits_here() else WatchdogOutput()


def make_stream_eyes(
    config: EdgeConfig, times: StageTimes, searcher: Executor | None = None
) -> tuple[FollowingDetector, StreamPolicy]:
    """Return what finds and what follows the faces of a stream; `searcher` runs whole searches."""
    plan = SearchPlan(config.min_face, config.search_seconds)
    detector = FollowingDetector(plan, times, searcher)
    return detector, StreamPolicy(IouTracker(), rate_hz=config.rate)


def _spare_what_is_watched(wishes: Wishes) -> None:
    """Raise ArgumentError when an output would replace an input."""
    watched = [*wishes.pictures, *([wishes.video] if wishes.video else [])]
    inputs = {path.resolve() for path in watched}
    for output in (wishes.save, wishes.plot, wishes.json, wishes.events):
        if output is not None and Path(output).resolve() in inputs:
            raise ArgumentError(f"writing {output} would replace what is watched")


def _make_source(config: EdgeConfig, wishes: Wishes) -> FrameSource:
    if wishes.camera is not None:
        return open_camera(wishes.camera, config.size_px, config.fps or None, is_supervised())
    if wishes.video is not None:
        return VideoSource(wishes.video)
    if wishes.demo:
        return DemoSource()
    return PictureSource(wishes.pictures)


def _line_files(wishes: Wishes, stack: ExitStack) -> dict[str, LineFile]:
    """Open the files of --json and --events; return them by their names."""
    live = wishes.camera is not None
    wanted = [where for where in (wishes.json, wishes.events) if where]
    return {where: stack.enter_context(LineFile(where, live)) for where in wanted}


def _make_outputs(
    wishes: Wishes,
    files: Mapping[str, LineFile],
    stamp: Stamp,
    source: FrameSource,
    stop: threading.Event,
    stack: ExitStack,
    times: StageTimes,
) -> tuple[list[Output], tuple[Path, ...]]:
    outputs: list[Output] = []
    if wishes.camera:
        outputs.append(HeatOutput())
    live = wishes.camera is not None
    if wishes.json:
        outputs.append(JsonOutput(files[wishes.json], stamp))
    if wishes.events:
        outputs.append(EventOutput(files[wishes.events], stamp))
    if not wishes.quiet and "-" not in (wishes.json, wishes.events):
        outputs.append(ConsoleOutput(LineFile("-"), pictures=bool(wishes.pictures)))
    if wishes.plot:
        outputs.append(PlotOutput(wishes.plot, times))
    saved = _saved_paths(wishes)
    fps = source.fps if isinstance(source, VideoSource) else FPS
    for path in saved:
        recorder = make_recorder(path, fps, not wishes.pictures, live, times)
        if isinstance(recorder, VideoRecorder):
            stack.enter_context(recorder)
        outputs.append(recorder)
    if wishes.show or (wishes.show is None and wishes.camera and display_problem() is None):
        outputs.append(stack.enter_context(WindowOutput(stop, not wishes.pictures, times)))
    return outputs, (*saved, *([wishes.plot] if wishes.plot else []))


def _saved_paths(wishes: Wishes) -> tuple[Path, ...]:
    if wishes.save:
        return (wishes.save,)
    if wishes.demo:
        folder = make_folder(DEMO_FOLDER)
        films = (folder / "demo.mp4",) if find_spec("av") else ()  # not with every extra
        return (*films, folder / "demo.jpg")
    return ()
