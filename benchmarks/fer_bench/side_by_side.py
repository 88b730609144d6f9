"""A few models side by side, a row a figure: the table of a README."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from fer_bench import cells
from fer_bench.records import ModelRecord
from fer_bench.results import Results
from fer_bench.tables import class_names, distortion_names, reference_model
from fer_core.errors import ArgumentError

Cell = Callable[[ModelRecord], str]


def side_by_side(results: Results, names: Sequence[str], detail: bool = False) -> str:
    """Return a Markdown table of the named models.

    A figure that none of them has is no row, one that some lack is a dash.

    Args:
        results: The results that hold the models.
        names: The models, in the order of the columns.
        detail: Every class and every distortion as well.

    Raises:
        ArgumentError: A name is not among the models.
    """
    known = {model.name: model for model in results.models}
    if lacking := [name for name in names if name not in known]:
        raise ArgumentError(f"no {', '.join(lacking)} among {', '.join(known)}")
    models = [known[name] for name in names]
    reference = reference_model(results.models)
    figures = [*_ROWS, *_ratio_row(reference), *(_details(models) if detail else [])]
    rows = [(what, [cell(model) for model in models]) for what, cell in figures]
    lines = [f"| {results.data or 'no data'}, single crop | {' | '.join(names)} |"]
    lines.append("|---|" + "---:|" * len(names))
    lines += [
        f"| {what} | {' | '.join(told)} |" for what, told in rows if {*told} != {cells.NOT_MEASURED}
    ]
    return "\n".join([*lines, ""])


def _ratio_row(reference: ModelRecord) -> list[tuple[str, Cell]]:
    return [(f"times the latency of {reference.name}", partial(cells.ratio, reference=reference))]


def _details(models: Sequence[ModelRecord]) -> list[tuple[str, Cell]]:
    """Return a row for every class and every distortion that one of the models has."""
    return [
        *(
            (f"{label}: precision, recall, F1", partial(cells.class_metrics, label=label))
            for label in class_names(models)
        ),
        *((name, partial(cells.distorted, distortion=name)) for name in distortion_names(models)),
    ]


def _accuracy(model: ModelRecord) -> str:
    found = model.evaluation
    if not found:
        return cells.NOT_MEASURED
    bounds = cells.interval(found.accuracy_interval95, " to ")
    return f"**{cells.percent(found.accuracy, unit=' %')}** ({bounds})"


def _share(name: str) -> Cell:
    """Return the cell of a share of the evaluation."""
    return lambda model: cells.percent(getattr(model.evaluation, name, None), unit=" %")


def _with_unit(text: str, unit: str) -> str:
    return text if text == cells.NOT_MEASURED else f"{text} {unit}"


def _peak_memory(model: ModelRecord) -> str:
    return cells.scaled(model.process.peak_rss_bytes if model.process else None, 1e6)


def _latency(model: ModelRecord) -> str:
    noisy = " (noisy)" if model.is_noisy else ""
    return _with_unit(cells.median(model.latency_ms), f"ms{noisy}")


_ROWS: tuple[tuple[str, Cell], ...] = (
    ("accuracy (95 % interval)", _accuracy),
    ("points against its own float32, paired", cells.parity),
    ("labels that differ from its own float32's", lambda m: cells.decimal(m.label_flips, 0)),
    ("macro-F1", _share("macro_f1")),
    ("expected calibration error", _share("ece")),
    ("accuracy without duplicates of training pictures", _share("accuracy_without_duplicates")),
    ("accuracy with test-time augmentation (ten crops)", _share("accuracy_test_time_augmentation")),
    ("agreement with FER+'s majority, its eight classes", partial(cells.crowd, part="eight")),
    ("the same without contempt", partial(cells.crowd, part="seven")),
    (
        "the same, mild expressions (a fifth of the voters: neutral)",
        partial(cells.crowd, part="mild"),
    ),
    ("accuracy, mean over the distortions", cells.mean_distorted),
    ("the worst of these", cells.worst_distorted),
    ("file", lambda model: f"{model.file_bytes / 1024:,.0f} KiB"),
    ("parameters", cells.parameters),
    ("million multiply-accumulates a face", lambda model: cells.decimal(model.mmacs or None, 0)),
    (
        "activations held at once",
        lambda m: _with_unit(cells.scaled(m.activation_bytes, 1024), "KiB"),
    ),
    ("peak memory of a process", lambda model: _with_unit(_peak_memory(model), "MB")),
    ("latency of a face, one thread", _latency),
)
