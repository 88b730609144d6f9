"""The command fer-bench."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fer_bench import options
from fer_core.command import LogFormat, Quiet, Version, command_line, grouped, make_app, run_app
from fer_core.errors import ArgumentError, FerError
from fer_core.help import with_examples
from fer_core.logs import talk, tell

app = make_app()


@app.command(cls=grouped(*options.GROUPS))
def run(
    models: options.Models = None,
    data: options.Data = None,
    votes: options.Votes = None,
    parent: options.Parent = None,
    video: options.Video = None,
    faces: options.Faces = None,
    detector: options.Detectors = None,
    rival: options.Rival = None,
    robustness: options.Robustness = False,
    steady: options.Steady = 0.0,
    quick: options.Quick = False,
    on: options.On = "local",
    out: options.Out = None,
    skip_bad: options.SkipBad = False,
    quiet: Quiet = False,
    log_format: LogFormat = "text",
    version: Version = False,
) -> None:
    """Measure bundles: accuracy, latency, load time, memory and size."""
    from fer_bench.judging import Extent
    from fer_bench.run import BenchOptions, run_and_store

    wanted = BenchOptions(
        models=models or (),
        data=data,
        votes=votes,
        parent=parent,
        clips=video or (),
        faces=faces,
        detectors=detector or (),
        rival=rival,
        extent=Extent(quick, robustness, steady),
        on=on,
        out=out,
        skip_bad=skip_bad,
    )
    run_and_store(wanted, command_line("fer-bench"), talk(quiet))


@app.command(
    cls=with_examples(
        "fer-bench report results/2026-11-28/results.json",
        "fer-bench report results/2026-11-28/results.json --columns fer-nano-int8,fer-small-int8",
    )
)
def report(
    results: options.ResultsFile,
    out: options.Page = None,
    columns: options.Columns = None,
    detail: options.Detail = False,
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
        lacking = "plots need Matplotlib: pip install '.[report]' in the folder of fer-edge-kit"
        if out:
            raise FerError(lacking)
        tell(f"no {file.name}: {lacking}")
    else:
        from fer_bench.html import html_report

        write_text(file, html_report(read))
        tell(f"page: {file}")
    print(text, end="")


@app.command(
    cls=with_examples("fer-bench compare before/results.json after/results.json --tolerance 5")
)
def compare(
    before: options.ResultsFile,
    after: options.OtherResultsFile,
    tolerance: options.Percent = 10.0,
    max_drop: options.MaxDrop = 0.5,
) -> None:
    """Compare two results. Exit with 1 on a regression beyond the noise.

    It also exits with 1 if noise hides a regression, or if a latency fell implausibly far.
    """
    from fer_bench.compare import (
        Tolerance,
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
    require_no_regression(changes)


@app.command(
    cls=with_examples("fer-bench photos photos/ --faces faces.csv --detector haar --detector yunet")
)
def photos(
    folder: options.PhotoFolder,
    faces: options.MarkedFaces,
    detector: options.Detectors = None,
) -> None:
    """Count the marked faces of photos that each detector finds, and its false boxes."""
    from fer_bench.photos import count_faces, photo_table, read_marked_photos
    from fer_bench.report import aligned_table
    from fer_edge.faces.detectors import DEFAULT_DETECTOR

    counts = count_faces(folder, read_marked_photos(faces), detector or [DEFAULT_DETECTOR])
    print("\n".join(aligned_table(photo_table(counts))))
    print("a box is right that overlaps a face by more than 0.3; one thread")


@app.command(cls=with_examples("fer-bench contribute results/2026-11-28/results.json"))
def contribute(
    results: options.OwnResultsFile,
    reference: options.Reference = Path("benchmarks/reference"),
) -> None:
    """Put a result of your board next to the committed ones, with its tables."""
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
