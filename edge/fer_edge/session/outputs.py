"""What a run can write to: each output by the setting that asks for it, and loaded only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import ArgumentError, FerError
from fer_core.files import make_folder
from fer_core.locks import alone_in
from fer_core.logs import talk
from fer_core.text import composed
from fer_edge.outputs import Output
from fer_edge.outputs.line_file import LineFile
from fer_edge.outputs.lines import ConsoleOutput, EventOutput, JsonOutput
from fer_edge.outputs.stamp import Stamp
from fer_edge.session.history import history_place, history_writer
from fer_edge.session.options import RunOptions, page_address
from fer_edge.session.run import Run
from fer_edge.sources.files import VideoSource

if TYPE_CHECKING:
    from fer_edge.outputs.recording import PictureRecorder

DEMO_FOLDER = Path("fer-edge-demo")


def _heat(run: Run) -> Iterator[Output]:
    if run.kind.live:
        from fer_edge.outputs.heat import HeatOutput

        heat = HeatOutput()
        run.slowed = lambda: heat.slowed
        yield heat


def _load(run: Run) -> Iterator[Output]:
    if len(run.options.settings.cameras) > 1:
        from fer_edge.outputs.load import LoadOutput

        cameras = run.cameras.items()
        yield LoadOutput(lambda: {name: (each.captured, each.dropped) for name, each in cameras})


def _line_file(run: Run, where: str) -> LineFile:
    lines = run.stack.enter_context(LineFile(where, run.kind.outlasts_faults))
    _count(run, "lines_dropped", lines)
    return lines


def _count(run: Run, name: str, output: LineFile | PictureRecorder) -> None:
    """Add what an output drops to a counter of the run."""
    before = run.counters.get(name, int)
    run.counters[name] = lambda: before() + output.dropped


def _json(run: Run) -> Iterator[Output]:
    if where := run.options.settings.json:
        yield JsonOutput(_line_file(run, where), run.stamp)


def _events(run: Run) -> Iterator[Output]:
    if where := run.options.settings.events:
        yield EventOutput(_line_file(run, where), run.stamp)


def _console(run: Run) -> Iterator[Output]:
    if run.options.writes_to_console:
        lines = LineFile("-", run.kind.outlasts_faults)
        yield ConsoleOutput(lines, pictures=not run.kind.stream)


def _plot(run: Run) -> Iterator[Output]:
    if run.options.settings.plot:
        from fer_edge.outputs.plot import PlotOutput

        path = Path(run.options.settings.plot)
        run.saves(path)
        yield PlotOutput(path, run.times)


def _save(run: Run) -> Iterator[Output]:
    paths = _saved_paths(run.options)
    if not paths:
        return
    from fer_edge.outputs.of_camera import OfCamera, path_of_camera
    from fer_edge.outputs.recording import PictureRecorder, make_recorder
    from fer_edge.outputs.video import VideoRecorder
    from fer_edge.sources.demo import FPS

    fps = run.source.fps if isinstance(run.source, VideoSource) else FPS
    for camera in run.options.settings.cameras:
        for path in (path_of_camera(each, camera) for each in paths):
            recorder = make_recorder(path, fps, run.kind.stream, run.kind.live, run.times)
            if isinstance(recorder, VideoRecorder):
                run.stack.enter_context(recorder)
            elif isinstance(recorder, PictureRecorder) and run.kind.live:
                _count(run, "pictures_dropped", recorder)
            run.saves(path)
            yield OfCamera(camera, recorder)


def _saved_paths(options: RunOptions) -> tuple[Path, ...]:
    if options.settings.save:
        return (Path(options.settings.save),)
    if not options.settings.demo:
        return ()
    folder = make_folder(DEMO_FOLDER)
    from fer_edge.outputs.encoding import load_pyav

    try:
        load_pyav()
    except FerError as error:  # not with every extra
        talk(options.quiet)(f"saving a picture only: {error}")
        return (folder / "demo.jpg",)
    return (folder / "demo.mp4", folder / "demo.jpg")


def _clips(run: Run) -> Iterator[Output]:
    config = run.options.settings
    if not config.clips or not run.kind.stream:
        return
    from fer_edge.outputs.clips.folder import ClipFolder
    from fer_edge.outputs.clips.moments import MomentSettings, MomentsOutput
    from fer_edge.outputs.clips.writer import ClipWriter
    from fer_edge.outputs.encoding import load_pyav

    labels = [label.strip() for label in config.clips_on.split(",") if label.strip()]
    known = run.model.facts().labels
    if unknown := [label for label in labels if label not in known]:
        raise ArgumentError(f"--on {unknown[0]}: the model says {', '.join(known)}")
    wanted = (composed(config.clips_person), config.clips_before, config.clips_after)
    load_pyav()  # without it no folder is made
    folder = make_folder(Path(config.clips))
    advice = "end that run, or choose another --clips"
    run.stack.enter_context(alone_in(folder, "fer-edge", advice))
    run.clips = ClipFolder(folder, int(config.clips_mb * 1e6))
    writer = run.stack.enter_context(ClipWriter(run.clips))
    run.counters["clip_frames_dropped"] = lambda: writer.dropped
    yield MomentsOutput(MomentSettings(frozenset(labels), *wanted), writer, run.times)


def _show(run: Run) -> Iterator[Output]:
    show = run.options.settings.show
    if show is False or not (show or run.kind.live):
        return
    from fer_edge.outputs.window import WindowOutput, display_problem

    if show or display_problem() is None:
        yield run.stack.enter_context(WindowOutput(run.stop, run.kind.stream, run.times))


def _mqtt(run: Run) -> Iterator[Output]:
    if run.options.settings.mqtt and run.kind.stream:
        from fer_edge.outputs.mqtt.output import MqttOutput
        from fer_edge.session.addresses import mqtt_settings, shared_pictures
        from fer_edge.session.fleet import device_report, published_bundles

        settings = mqtt_settings(run.options.settings)
        stamp = Stamp(settings.name)
        names = tuple(run.options.settings.cameras)
        bundles = published_bundles(run, settings.name)
        report = device_report(run, settings.name, bundles)
        shared = shared_pictures(run.options.settings, run.clips)
        output = MqttOutput(
            settings, run.model.facts, stamp, names, report, bundles, shared, run.people
        )
        broker = run.stack.enter_context(output)
        run.counters["mqtt_delivered"] = lambda: broker.delivered
        run.counters["mqtt_dropped"] = lambda: broker.dropped
        yield broker


def _history(run: Run) -> Iterator[Output]:
    writer = history_writer(run.options.settings)
    if writer:
        from fer_edge.history.output import HistoryOutput

        run.stack.enter_context(writer)
        run.counters["history_dropped"] = lambda: writer.dropped
        yield HistoryOutput(writer)


def _serve(run: Run) -> Iterator[Output]:
    settings = run.options.settings
    if settings.serve and run.kind.stream:  # a server costs megabytes
        from fer_edge.page.door import Door
        from fer_edge.page.requests import make_handler
        from fer_edge.page.server import PageServer
        from fer_edge.page.site import Site
        from fer_edge.page.view import LiveView
        from fer_edge.session.addresses import page_access
        from fer_edge.systemd import is_supervised

        view, door = LiveView(tuple(settings.cameras)), Door.of(page_access(settings))
        if door.certificate:
            talk(run.options.quiet)(f"certificate (SHA-256): {door.certificate.fingerprint}")
        stored = run.options.stored(is_supervised())
        model, folder = run.model.facts, run.model.folder
        site = Site(
            view,
            door,
            model,
            settings.serve_video,
            stored,
            run.counts,
            folder,
            history_place(settings),
            settings.history_days,
            run.enrolment,
            run.clips,
        )
        run.stack.enter_context(PageServer(make_handler(site), view.close))
        page = f"page: {page_address(run.options)}"
        talk(run.options.quiet)(page if settings.camera else f"{page} while the clip lasts")
        yield view


OUTPUTS: dict[str, Callable[[Run], Iterator[Output]]] = {
    "heat": _heat,
    "load": _load,
    "json": _json,
    "events": _events,
    "console": _console,
    "plot": _plot,
    "save": _save,
    "clips": _clips,
    "show": _show,
    "history": _history,
    "mqtt": _mqtt,
    "serve": _serve,
}
"""What makes the outputs of a run, in the order in which they get each frame; each yields none
where the settings ask for none."""


def make_outputs(run: Run) -> list[Output]:
    """Return every output that the settings of a run ask for.

    Raises:
        FerError: One of them cannot be opened.
    """
    return [output for make in OUTPUTS.values() for output in make(run)]
