"""One run of fer-bench, from its options to results.json."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from fer_bench.accuracy import TestPictures
from fer_bench.bench import run_benchmark
from fer_bench.clips import ClipPlan, read_true_faces
from fer_bench.judging import Extent
from fer_bench.report import results_table
from fer_bench.results import write_results
from fer_bench.rival import loop_makers, rival_files
from fer_core.errors import ArgumentError, FerError
from fer_core.files import made_folder
from fer_core.pools import read_place
from fer_core.readers import default_data_path
from fer_core.text import typed
from fer_edge.faces.detectors import DEFAULT_DETECTOR, require_detector
from fer_edge.inference.models import shipped_models


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What is measured on what: the options of the command; without models the shipped ones."""

    models: Sequence[Path]
    data: Path | None
    votes: Path | None
    parent: Path | None
    clips: Sequence[Path]
    faces: Path | None
    detectors: Sequence[str]
    rival: str | None
    extent: Extent
    out: Path | None
    skip_bad: bool
    on: str = "local"

    def cluster(self) -> str:
        """Return the address of the cluster that judges, empty for this computer.

        Raises:
            ArgumentError: `on` names another place, or an option wants what no cluster measures.
        """
        place = read_place(self.on)
        if place.workers:
            raise ArgumentError(
                f"--on {self.on}: here one model is measured after another, so that none disturbs "
                "the latency of the others; --on takes ray or ray://HEAD:PORT"
            )
        if not place.cluster:
            return ""
        timed = {
            "--steady": self.extent.steady,
            "--video": self.clips,
            "--rival": self.rival,
        }
        if wanting := [option for option, given in timed.items() if given]:
            raise ArgumentError(
                f"{wanting[0]} measures times, and others share the nodes of a cluster: leave it "
                "out, or measure without --on on the computer that matters"
            )
        return place.cluster

    def pictures(self) -> TestPictures | None:
        """Return the test pictures, None without any.

        Raises:
            ArgumentError: An option needs them and there are none.
        """
        found = self.data or default_data_path()
        needing = {
            "--robustness": self.extent.robustness,
            "--parent": self.parent,
            "--votes": self.votes,
            "--on": self.cluster(),
        }
        if wanting := [option for option, given in needing.items() if given and not found]:
            raise ArgumentError(f"{wanting[0]} goes with the pictures of --data: name those too")
        return TestPictures(found, self.votes, self.skip_bad) if found else None

    def clip_plan(self) -> ClipPlan:
        """Return the clips with their faces.

        Raises:
            ArgumentError: Faces are given and no clips.
            FerError: A clip cannot be opened, or its faces lack.
        """
        if self.faces and not self.clips:
            raise ArgumentError("--faces goes with --video CLIP")
        if self.detectors and not self.clips:
            raise ArgumentError("--detector goes with --video CLIP; for photos: fer-bench photos")
        for detector in self.detectors:
            require_detector(detector)
        plan = ClipPlan(self.clips, read_true_faces(self.faces) if self.faces else {})
        plan.check()
        return plan

    @contextmanager
    def results_file(self) -> Iterator[Path]:
        """Give where the results go, in a folder that is there until the end if it gets any.

        Raises:
            FerError: They cannot be written there.
        """
        folder = self.out or Path("results") / f"{datetime.now():%Y%m%d-%H%M%S}"
        with made_folder(folder):
            file = folder / "results.json"
            if file.is_dir():
                raise FerError(f"{file} is a folder; choose another --out")
            yield file


def run_and_store(options: BenchOptions, command: str, say: Callable[[str], None]) -> None:
    """Measure, write results.json and print the tables.

    Args:
        options: What is measured on what.
        command: What was typed, for the results.
        say: What gets lines on the progress.

    Raises:
        FerError: A model failed, or the results cannot be written.
    """
    paths = options.models or list(shipped_models().values())
    _require_bundles(paths)
    cluster = options.cluster()
    pictures, plan = options.pictures(), options.clip_plan()
    with options.results_file() as file:
        if cluster and pictures:
            _spread_and_store(paths, pictures, options, cluster, file, command, say)
        else:
            _measure_and_store(paths, pictures, plan, options, file, command, say)


def _measure_and_store(
    paths: Sequence[Path],
    pictures: TestPictures | None,
    plan: ClipPlan,
    options: BenchOptions,
    file: Path,
    command: str,
    say: Callable[[str], None],
) -> None:
    """Measure here, write results.json and print the tables."""
    with rival_files(options.rival) as rivals:
        done = run_benchmark(
            [*paths, *rivals], pictures, options.parent, options.extent, command, say
        )
    write_results(file, done.results)  # whatever the clips do
    named = zip(done.results.models, done.paths, strict=True)
    makers = loop_makers(
        {record.name: path for record, path in named if path in paths},
        list(dict.fromkeys(options.detectors)) or [DEFAULT_DETECTOR],
        options.rival,
    )
    results = replace(done.results, clips=tuple(plan.measure(makers, say)))
    print(results_table(results))
    write_results(file, results)
    print(f"results: {file}")
    results.require_all()


def _spread_and_store(
    paths: Sequence[Path],
    pictures: TestPictures,
    options: BenchOptions,
    cluster: str,
    file: Path,
    command: str,
    say: Callable[[str], None],
) -> None:
    """Let a cluster judge the models, write results.json and print the tables."""
    from fer_bench.spread import spread_accuracy

    results = spread_accuracy(
        paths, pictures, options.parent, options.extent, cluster, command, say
    )
    write_results(file, results)
    print(results_table(results))
    print(f"results: {file}")
    results.require_all()


def _require_bundles(paths: Sequence[Path]) -> None:
    """Raise FerError unless all are .tflite files, saying what to do with others."""
    if not paths:
        raise FerError("no model is shipped with this package; name a .tflite bundle")
    for path in (path for path in paths if path.suffix != ".tflite"):
        if path.suffix == ".json":
            raise ArgumentError(f"{path} holds results: fer-bench report {typed(path)}")
        if path.suffix in {".keras", ".h5"}:
            raise ArgumentError(
                f"{path} is a Keras model: fer-convert {typed(path)} --int8 makes a bundle"
            )
        raise ArgumentError(f"{path} is no .tflite bundle, nor report, compare or contribute")
