"""The command fer-edge.

Its options are the settings of `EdgeConfig`; they go on as the context's `params`.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from fer_core import progress
from fer_core.command import Quiet, Version, grouped, make_app, run_app
from fer_core.entry import INTERRUPTED
from fer_core.errors import FerError
from fer_core.help import OptionGroup, with_examples
from fer_core.logs import log_to_stderr, talk
from fer_core.native import show_native_output
from fer_core.options import takes_settings
from fer_edge.deployment.cli import models_app
from fer_edge.fleet.cli import fleet_app
from fer_edge.history.cli import history
from fer_edge.score.cli import score
from fer_edge.service.cli import service_app
from fer_edge.session.config import EdgeConfig

app = make_app()
app.add_typer(
    models_app,
    name="models",
    help="The models of a run: list, use, take back, sign, and trust who signed them.",
)
app.add_typer(
    service_app,
    name="service",
    help="Run fer-edge as a service of systemd: install, status, remove.",
)
app.add_typer(fleet_app, name="fleet", help="Show all devices of an MQTT broker on one page.")
app.command(
    cls=with_examples(
        "fer-edge history seen.sqlite --week --plot week.png",
        "fer-edge history seen.sqlite --month --csv -",
    )
)(history)
app.command(
    cls=with_examples(
        "fer-edge score archive/ --out found", "fer-edge score archive/ --on ray --out found"
    )
)(score)


GROUPS = (
    OptionGroup(
        "What to watch",
        ("pictures", "camera", "video", "demo", "size", "fps", "rotate", "mirror"),
        ("fer-edge --camera 0 --size 640x480", "fer-edge photo.jpg holiday/"),
    ),
    OptionGroup(
        "Where to send what is seen",
        ("show", "json", "events", "save", "plot", "serve", "serve_video", "https"),
        ("fer-edge --camera 0 --serve 8080", "fer-edge --video clip.mp4 --save seen.mp4"),
    ),
    OptionGroup(
        "What to keep",
        (
            *("clips", "clips_on", "clips_person", "clips_before", "clips_after"),
            *("history", "history_days"),
        ),
        (
            "fer-edge --camera 0 --clips clips --on happy",
            "fer-edge --camera 0 --serve 8080 --history seen.sqlite",
        ),
    ),
    OptionGroup(
        "Model and tuning",
        ("model", "models", "detector", "threads", "rate", "min_face"),
        ("fer-edge --camera 0 --detector yunet", "fer-edge --camera 0 --min-face 24"),
    ),
    OptionGroup(
        "People and privacy",
        ("faces", "name_unknown", "blur"),
        ("fer-edge --camera 0 --faces people", "fer-edge --camera 0 --save rec.mp4 --blur all"),
    ),
)


@app.command(cls=grouped(*GROUPS))
@takes_settings(EdgeConfig, before=2)
def run(
    ctx: typer.Context,
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Pictures or folders, or one video.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Read settings from a TOML file.")] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Also show what OpenCV, FFmpeg and LiteRT print."),
    ] = False,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Recognize facial expressions: live, in a video or in pictures."""
    from fer_edge.session.options import read_options
    from fer_edge.session.watch import watch

    if verbose:
        show_native_output()
    log_to_stderr("fer-edge")
    options = read_options(ctx.params)
    log_to_stderr("fer-edge", options.settings.log_format)
    if options.quiet:
        progress.silence()
    say = talk(options.quiet)
    result = watch(options)
    say(result.text())
    for path in result.saved:
        say(f"saved {path}")
    raise typer.Exit(INTERRUPTED if result.interrupted else 0)


@app.command(cls=with_examples("fer-edge doctor"))
def doctor() -> None:
    """Check what this computer needs for fer-edge, and name the fix for each fault."""
    from fer_edge.doctor import examine

    faults = 0
    for finding in examine():
        print(finding.text(), flush=True)
        faults += finding.verdict == "fault"
    if faults:
        raise FerError(f"{faults} to fix")


def main() -> None:
    """Entry point."""
    run_app(app, "fer-edge", lambda: [each.name for each in fields(EdgeConfig)])
