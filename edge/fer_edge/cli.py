"""The command fer-edge.

Typer reads the options from the signature of `run`; they go on as the context's `params`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import DefaultCommand, Quiet, Version, log_to_stderr, make_app, run_app, talk
from fer_core.entry import INTERRUPTED
from fer_core.errors import FerError
from fer_core.native import show_native_output
from fer_edge.service.cli import service_app

app = make_app()
app.add_typer(service_app, name="service", help="Run fer-edge as a service of systemd.")


@app.command(
    cls=DefaultCommand,
    epilog="Examples:  fer-edge --camera 0   |   fer-edge --camera picamera --size 640x480   |   "
    "fer-edge --camera http://camera.local/stream --json -   |   "
    "fer-edge --video clip.mp4 --save seen.mp4   |   fer-edge a.jpg b.jpg   |   "
    "fer-edge a.jpg --plot plot.png   |   fer-edge --demo   |   "
    "fer-edge --camera 0 --serve 8080   |   fer-edge service install --camera 0   |   "
    "fer-edge doctor",
)
def run(
    ctx: typer.Context,
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Pictures or folders, or one video.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="0, 1, ..., picamera, or an http:// or rtsp:// address.")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="A video file, read whole.")] = None,
    demo: Annotated[
        bool | None, typer.Option("--demo", help="A clip made from a portrait.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A shipped model or a .tflite bundle.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the network.")] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT asked of a camera.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second asked of a camera.")] = None,
    rate: Annotated[
        float | None, typer.Option(help="How often a second a face is classified, 0: every frame.")
    ] = None,
    min_face: Annotated[
        int | None, typer.Option(help="Side in pixels of the smallest face of a stream.")
    ] = None,
    rotate: Annotated[int | None, typer.Option(help="0, 90, 180 or 270, clockwise.")] = None,
    mirror: Annotated[bool | None, typer.Option(help="Swap left and right.")] = None,
    show: Annotated[
        bool | None, typer.Option(help="A live window; by default for cameras with a display.")
    ] = None,
    json: Annotated[str | None, typer.Option(help="A JSON line a face, to FILE or -.")] = None,
    events: Annotated[str | None, typer.Option(help="A JSON line a change, to FILE or -.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Annotated FILE.mp4, FILE.jpg or FOLDER of pictures.")
    ] = None,
    serve: Annotated[
        str | None, typer.Option(help="A page with the live picture, as 8080 or HOST:PORT.")
    ] = None,
    serve_video: Annotated[
        bool | None, typer.Option("--page-video/--no-video", help="Numbers only on the page.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="One picture beside its probabilities, as OUT.png.")
    ] = None,
    faces: Annotated[
        Path | None, typer.Option(help="Who people are: a folder of pictures a person.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings as TOML.")] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="What OpenCV, FFmpeg and LiteRT say, too.")
    ] = False,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Find faces and say how they look: live, in a video or in pictures."""
    from fer_edge.options import read_options
    from fer_edge.session import watch

    if verbose:
        show_native_output()
    log_to_stderr("fer-edge")
    options = read_options(ctx.params)
    say = talk(quiet)
    if options.page:
        say(f"page: {options.page}" + ("" if options.wishes.camera else " while the clip lasts"))
    result = watch(options.settings, options.wishes)
    say(result.text())
    for path in result.saved:
        say(f"saved {path}")
    raise typer.Exit(INTERRUPTED if result.interrupted else 0)


@app.command()
def doctor() -> None:
    """Check what this computer needs for fer-edge, and say what mends each fault."""
    from fer_edge.doctor import examine

    faults = 0
    for finding in examine():
        print(finding.text(), flush=True)
        faults += finding.verdict == "fault"
    if faults:
        raise FerError(f"{faults} to mend")


def main() -> None:
    """Entry point."""
    run_app(app, "fer-edge")
