"""The command fer-edge score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.command import Quiet

if TYPE_CHECKING:
    from fer_edge.score.run import Request


def score(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Pictures, videos, folders, patterns, lists (.txt), s3:// ... URLs."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder for the results.")] = None,
    on: Annotated[
        str, typer.Option(help="local, local:WORKERS, ray or ray://HEAD:PORT.")
    ] = "local",
    every: Annotated[str, typer.Option(help="Time between two frames of a video.")] = "1s",
    model: Annotated[str, typer.Option(help="A shipped model or a .tflite bundle.")] = "",
    detector: Annotated[str, typer.Option(help="What finds faces, as for fer-edge.")] = "",
    piece: Annotated[int, typer.Option(help="Pictures per result file.")] = 200,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Read the sources again that could not be read.")
    ] = False,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Print counts of the results so far and draw them. Reads no source."
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write the faces of an archive as Parquet. After a stop, the same command continues."""
    from fer_core.logs import log_to_stderr

    log_to_stderr("fer-edge")
    folder = _given(out)
    if summary:
        _summarize(folder)
        return
    from fer_edge.score.run import Request

    request = Request(tuple(sources or ()), folder, on, piece, retry_errors)
    _read(request, model, detector, every, quiet)


def _given(out: Path | None) -> Path:
    from fer_core.errors import ArgumentError

    if out is None:
        raise ArgumentError("say where the results go: --out FACES")
    return out


def _read(request: Request, model: str, detector: str, every: str, quiet: bool) -> None:
    import threading

    from fer_core.entry import INTERRUPTED
    from fer_core.logs import talk
    from fer_edge.faces.detectors import DEFAULT_DETECTOR
    from fer_edge.inference import DEFAULT_MODEL
    from fer_edge.score.run import score as run
    from fer_edge.score.settings import prepare, read_every
    from fer_edge.session.signals import Signals

    seconds, stop = read_every(every), threading.Event()
    network, finder = model or DEFAULT_MODEL, detector or DEFAULT_DETECTOR
    work = prepare(request.out, network, finder, seconds)
    with Signals(stop) as signals:

        def reads() -> None:
            signals.in_loop = True

        outcome = run(request, work, stop, talk(quiet), reads)
    print(outcome.text(request.out))
    raise typer.Exit(INTERRUPTED if signals.came else 0)


def _summarize(out: Path) -> None:
    from fer_core.logs import talk
    from fer_edge.outputs.recording import save_picture
    from fer_edge.score.summary import draw_summary, summarize

    summary = summarize(out)
    print(summary.text())
    if not summary.faces:
        talk(quiet=False)("no face yet, so no picture is drawn")
        return
    save_picture(out / "summary.png", draw_summary(summary))
    print(f"saved {out / 'summary.png'}")
