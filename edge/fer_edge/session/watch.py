"""Wiring: from the options of a run to its parts, and one run of the loop between them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import ArgumentError
from fer_core.logs import talk
from fer_core.opencv import silence_opencv
from fer_core.text import counted
from fer_core.values import Frame
from fer_edge.board import temperature_celsius
from fer_edge.faces.analysis import (
    Analysis,
    Analyzer,
    Naming,
    PictureAnalyzer,
    StreamAnalyzer,
    nobody,
)
from fer_edge.faces.cameras import CamerasAnalyzer
from fer_edge.faces.detector import DetectorRequest, SearchPlan
from fer_edge.faces.detectors import make_detector
from fer_edge.inference.classifier import Classifier
from fer_edge.outputs.pipeline import PipelineSummary, run_pipeline
from fer_edge.outputs.stamp import Stamp
from fer_edge.session.addresses import device_name
from fer_edge.session.config import EdgeConfig
from fer_edge.session.models import RunModel, make_model
from fer_edge.session.options import RunOptions
from fer_edge.session.outputs import make_outputs
from fer_edge.session.run import Run
from fer_edge.session.signals import Signals
from fer_edge.session.sources import SOURCES, RunKind
from fer_edge.sources.files import VideoSource, picture_files
from fer_edge.sources.masks import MaskedSource
from fer_edge.sources.rotation import RotatedSource, Turn
from fer_edge.stages import StageTimes

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fer_edge.identity.live_enrolment import LiveEnrolment
    from fer_edge.identity.people import KnownPeople
    from fer_edge.outputs import Output


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
        seen = f"{counted(summary.frames, 'frame')}, {counted(summary.faces, 'face')}"
        return f"{seen}, {speed}\n{table}"


def watch(options: RunOptions) -> SessionResult:
    """Run the whole way once.

    Raises:
        FerError: Something that the user can mend keeps the run from starting or going on.
    """
    silence_opencv()
    options = _with_the_pictures_found(options)
    config, times, stop = options.settings, StageTimes(), threading.Event()
    kind, open_source = SOURCES[options.watched]
    with Signals(stop) as signals, ExitStack() as stack:
        # Entered first, so that it also watches over how the outputs end.
        last = [_watchdog(stack)] if kind.outlasts_faults else []
        model = make_model(options, kind, stack, times)
        source = stack.enter_context(closing(open_source(options)))
        people = _people(options)
        enrolment = _live_enrolment(options, people)
        analyzer = _make_analyzer(options, kind, model, stack, times, people, enrolment)
        stamp = Stamp(device_name(config))
        names = people.names if people else ()
        run = Run(options, kind, source, model, stamp, stop, stack, times, enrolment, names)
        outputs = [*make_outputs(run), *last]
        turns = {name: Turn(own.rotate, own.mirror) for name, own in config.cameras.items()}
        turned = MaskedSource(RotatedSource(source, turns), config.masks)
        hidden = _blur(config)
        signals.in_loop = True
        summary = run_pipeline(turned, analyzer, outputs, stop, times, kind.reading, hidden)
        if isinstance(source, VideoSource):
            source.warn_if_cut_short()
    dropped = sum(run.counts().get("frames_dropped", {}).values())
    return SessionResult(summary, times, signals.came, dropped, run.written())


def _blur(config: EdgeConfig) -> Callable[[Frame, Analysis], Frame] | None:
    """Return what makes faces unrecognizable in frames, None where nobody asked for it."""
    if not config.blur:
        return None
    from fer_edge.outputs.blur import Blur

    return Blur(config.blur)


def _with_the_pictures_found(options: RunOptions) -> RunOptions:
    """Return the options with the pictures of folders; raise ArgumentError for what cannot be."""
    if not options.pictures:
        return options
    found = picture_files(options.pictures)
    if found.others:
        talk(options.quiet)(f"left out: {found.left_out()}")
    save = Path(options.settings.save) if options.settings.save else None
    pictures = but_for_saved_ones(found.files, save, options.pictures)
    if not pictures:
        raise ArgumentError(f"every picture there was saved by an earlier run, in {save}")
    if len(pictures) > 1 and save and _is_one_picture(save):
        raise ArgumentError(
            f"{save} holds one picture, and there are {len(pictures)}: --save FOLDER"
        )
    if options.settings.plot and len(pictures) != 1:
        raise ArgumentError("--plot goes with one picture: fer-edge PICTURE --plot OUT.png")
    options = replace(options, pictures=pictures)
    options.spare_what_is_watched()
    return options


def _is_one_picture(save: Path) -> bool:
    from fer_edge.outputs.recording import SAVED_SUFFIXES

    return save.suffix.lower() in SAVED_SUFFIXES


def _watchdog(stack: ExitStack) -> Output:
    from fer_edge.outputs.watchdog import watchdog_for_this_process

    return stack.enter_context(watchdog_for_this_process())


def but_for_saved_ones(
    files: tuple[Path, ...], save: Path | None, named: Collection[Path] = ()
) -> tuple[Path, ...]:
    """Return the pictures without those that an earlier run saved.

    Args:
        files: The pictures.
        save: Where this run saves its own; None for nowhere.
        named: Which of them to keep in any case.
    """
    if save is None or not save.is_dir():
        return files
    from fer_edge.outputs.recording import SAVED_END

    place = save.resolve()

    def is_saved(file: Path) -> bool:
        is_one = file.name.endswith(SAVED_END) and file.resolve().is_relative_to(place)
        return is_one and file not in named

    return tuple(file for file in files if not is_saved(file))


def _make_analyzer(
    options: RunOptions,
    kind: RunKind,
    model: RunModel,
    stack: ExitStack,
    times: StageTimes,
    people: KnownPeople | None,
    enrolment: LiveEnrolment | None,
) -> Analyzer:
    """Return what finds and classifies faces: thorough for pictures, swift for streams."""
    config, who = options.settings, people.who if people else None
    if not kind.stream:
        detector = make_detector(config.detector, DetectorRequest(stream=False, times=times))
        return PictureAnalyzer(detector, model.classifier, who or nobody)

    from fer_edge.identity.naming import TrackNaming

    searcher = None if config.blur else kind.thread("search", stack)
    asker = kind.thread("who", stack) if who else None
    hear, ids = enrolment.unknown.hear if enrolment else None, itertools.count(1)
    analyzers: dict[str, StreamAnalyzer] = {}
    for name, own in config.cameras.items():
        naming = TrackNaming(who, asker, hear) if who else None
        analyzers[name] = stream_analyzer(own, model.classifier, times, searcher, naming, ids)
    return model.around(CamerasAnalyzer(analyzers))


def _people(options: RunOptions) -> KnownPeople | None:
    """Return the people of --faces, None where nobody is to be named."""
    config = options.settings
    if not config.faces:
        return None
    from fer_edge.identity.people import enrolled

    detector = make_detector(config.detector, DetectorRequest(stream=False))
    say, nobody_yet = talk(options.quiet), config.name_unknown
    return enrolled(Path(config.faces), detector, say, nobody_yet, config.clips_person)


def _live_enrolment(options: RunOptions, people: KnownPeople | None) -> LiveEnrolment | None:
    """Return what names unknown faces, None where they are not to be kept."""
    config = options.settings
    if people is None or not config.name_unknown:
        return None
    from fer_edge.identity.live_enrolment import LiveEnrolment
    from fer_edge.identity.unknown import UnknownFaces

    detector = make_detector(config.detector, DetectorRequest(stream=False))
    return LiveEnrolment(UnknownFaces(), people, Path(config.faces), detector)


def stream_analyzer(
    config: EdgeConfig,
    classifier: Classifier,
    times: StageTimes,
    searcher: Executor | None = None,
    naming: Naming | None = None,
    ids: Iterator[int] | None = None,
) -> StreamAnalyzer:
    """Return what follows and classifies the faces of a stream.

    Args:
        config: The settings of the detector, and how often a face is classified. With `blur`
            every frame is searched before it is shown, so that no face is shown first.
        classifier: What says how a face looks.
        times: What counts the detector's time.
        searcher: What runs searches of whole frames beside the stream, if anything does.
        naming: What finds out who the faces are, if anything does.
        ids: Gives the ids of new faces; they count from 1 if None.

    """
    pauses = [0.0] * 3 if config.blur else [config.search_seconds]
    plan = SearchPlan(config.min_face, *pauses)
    detector = make_detector(config.detector, DetectorRequest(True, plan, times, searcher))
    return StreamAnalyzer(detector, classifier, config.rate, naming=naming, ids=ids)
