"""The command fer-bench."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import DefaultCommand, Quiet, Version, command_line, make_app, run_app, talk
from fer_core.errors import ArgumentError, FerError

app = make_app()


@app.command(
    cls=DefaultCommand,
    epilog="Examples:  fer-bench   |   fer-bench --data fer2013.csv   |   "
    "fer-bench models/*.tflite --parent models/fer-nano-float32.tflite --out results/models   |   "
    "fer-bench report results/models/results.json   |   fer-bench compare A.json B.json",
)
def run(
    models: Annotated[
        list[Path] | None, typer.Argument(help=".tflite bundles; else the shipped ones.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Test pictures; else $FER2013 or data/fer2013.*, if there.")
    ] = None,
    votes: Annotated[
        Path | None, typer.Option(help="fer2013new.csv: judge by FER+'s majority labels.")
    ] = None,
    parent: Annotated[
        Path | None, typer.Option(help="The float32 bundle to count flips by.")
    ] = None,
    video: Annotated[
        list[Path] | None, typer.Option(help="A clip to run the whole way on; may be repeated.")
    ] = None,
    faces: Annotated[
        Path | None, typer.Option(help="Where the clips' faces are: file,frame,x,y,w,h.")
    ] = None,
    rival: Annotated[
        str | None,
        typer.Option(help="Measure the package fer as well: fer, or its wheel."),
    ] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Blur, noise, dark, small or turned faces as well.")
    ] = False,
    steady: Annotated[
        float,
        typer.Option(
            min=0, max=86_400, help="Run each model so many seconds on end: heat, energy."
        ),
    ] = 0.0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the timed runs, no ten-crop.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="A folder; else results/TIME.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out.")] = False,
    quiet: Quiet = False,
    version: Version = False,
) -> None:
    """Measure bundles: accuracy, latency, load time, memory and size."""
    from fer_bench.accuracy import TestPictures
    from fer_bench.bench import Extent, run_benchmark
    from fer_bench.clips import ClipPlan, read_true_faces
    from fer_bench.report import results_table
    from fer_bench.results import write_results
    from fer_bench.rival import loop_makers, rival_files
    from fer_core.readers import default_data_path
    from fer_edge.inference.models import shipped_models

    paths = models or list(shipped_models().values())
    _require_bundles(paths)
    found = data or default_data_path()
    if faces and not video:
        raise ArgumentError("--faces goes with --video CLIP")
    needing = {"--robustness": robustness, "--parent": parent, "--votes": votes}
    if wanting := [option for option, given in needing.items() if given and not found]:
        raise ArgumentError(f"{wanting[0]} goes with the pictures of --data: name those too")
    pictures = TestPictures(found, votes, skip_bad) if found else None
    plan = ClipPlan(video or [], read_true_faces(faces) if faces else {})
    plan.check()
    file = _results_file(out or Path("results") / f"{datetime.now():%Y%m%d-%H%M%S}")
    command = command_line("fer-bench")
    extent = Extent(quick, robustness, steady)
    with rival_files(rival) as rivals:
        done = run_benchmark([*paths, *rivals], pictures, parent, extent, command, talk(quiet))
    write_results(file, done.results)  # whatever the clips do
    makers = loop_makers([path for path in paths if path in done.paths], rival)
    results = replace(done.results, clips=tuple(plan.measure(makers, talk(quiet))))
    print(results_table(results))
    write_results(file, results)
    print(f"results: {file}")
    results.require_all()


def _results_file(folder: Path) -> Path:
    """Return where the results go, in a folder that is there; raise FerError if they cannot."""
    from fer_core.files import make_folder

    file = make_folder(folder) / "results.json"
    if file.is_dir():
        raise FerError(f"{file} is a folder; choose another --out")
    return file


def _require_bundles(paths: Sequence[Path]) -> None:
    """Raise FerError unless all are .tflite files, saying what to do with others."""
    if not paths:
        raise FerError("no model is shipped with this package; name a .tflite bundle")
    for path in (path for path in paths if path.suffix != ".tflite"):
        if path.suffix == ".json":
            raise ArgumentError(f"{path} holds results: fer-bench report {path}")
        if path.suffix in {".keras", ".h5"}:
            raise ArgumentError(
                f"{path} is a Keras model: fer-convert {path} --int8 makes a bundle"
            )
        raise ArgumentError(f"{path} is no .tflite bundle, nor report, compare or contribute")


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="A results.json of fer-bench.")],
    out: Annotated[
        Path | None, typer.Option(help="A .html or .md file; else report.html beside the results.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="NAME,NAME...: print these models side by side, and make no page."),
    ] = None,
    detail: Annotated[
        bool, typer.Option("--detail", help="With --columns: every class and distortion as well.")
    ] = False,
) -> None:
    """Make a page with plots, and print the tables as Markdown for a README."""
    from fer_bench.markdown import markdown_report
    from fer_bench.results import read_results
    from fer_bench.side_by_side import side_by_side
    from fer_core.files import write_text

    read = read_results(results)
    if detail and not columns:
        raise ArgumentError("--detail goes with --columns NAME,NAME...")
    if columns:
        print(side_by_side(read, columns.split(","), detail), end="")
        return
    text = markdown_report(read)
    file = out or results.with_name("report.html")
    if file.suffix not in {".md", ".html"}:
        raise ArgumentError(f"--out takes a .html or .md file, not {file.name}")
    if file.suffix == ".md":
        write_text(file, text)
    elif find_spec("matplotlib") is None:
        lacking = "plots need Matplotlib: pip install '.[report]' where fer-edge-kit lies"
        if out:
            raise FerError(lacking)
        print(f"no {file.name}: {lacking}", file=sys.stderr)
    else:
        from fer_bench.html import html_report

        write_text(file, html_report(read))
        print(f"page: {file}", file=sys.stderr)
    print(text, end="")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A results.json of fer-bench.")],
    after: Annotated[Path, typer.Argument(help="Another one, of the same machine.")],
    tolerance: Annotated[
        float, typer.Option(min=0, help="Percent by which latency, memory and size may grow.")
    ] = 10.0,
    max_drop: Annotated[
        float, typer.Option(min=0, help="Points of accuracy and other shares that may be lost.")
    ] = 0.5,
) -> None:
    """Say what changed beyond the noise; exit with 1 on a regression, or where noise hides one."""
    from fer_bench.compare import (
        Tolerance,
        assumptions,
        changes_table,
        compare_results,
        not_compared,
        require_no_regression,
    )
    from fer_bench.results import read_results

    one, other = read_results(before), read_results(after)
    changes = compare_results(one, other, Tolerance(max_drop, tolerance))
    print(changes_table(changes))
    for line in not_compared(one, other):
        print(f"not compared: {line}")
    for line in assumptions(one, other):
        print(f"assumed: {line}")
    require_no_regression(changes)


@app.command()
def contribute(
    results: Annotated[Path, typer.Argument(help="A results.json of fer-bench, of your board.")],
    reference: Annotated[Path, typer.Option(help="The folder of the committed results.")] = Path(
        "benchmarks/reference"
    ),
) -> None:
    """Put a result of your own board beside the committed ones, with its tables."""
    from fer_bench.contribute import reference_folder
    from fer_bench.markdown import markdown_report
    from fer_bench.results import read_results, write_results
    from fer_core.files import make_folder, write_text

    read = read_results(results)
    folder = make_folder(reference_folder(read, reference))
    write_results(folder / "results.json", read)
    write_text(folder / "README.md", markdown_report(read))
    print(folder)


def main() -> None:
    """Entry point."""
    run_app(app, "fer-bench")
