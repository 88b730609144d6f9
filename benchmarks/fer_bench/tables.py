"""Every table of a benchmark, once: named columns and rows of text, for any layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fer_bench import cells
from fer_bench.records import ClipRecord, LoopRecord, ModelRecord
from fer_bench.results import Results

Row = dict[str, str]
_REFERENCES = ("mini-xception", "fer-nano")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below the names of their columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Table:
        """Return a table of rows (column to text); a cell that a row lacks is `-`."""
        columns = tuple(dict.fromkeys(column for row in rows for column in row))
        texts = (tuple(row.get(c, cells.NOT_MEASURED) for c in columns) for row in rows)
        return cls(columns, tuple(texts))

    def without_empty_columns(self) -> Table:
        """Return the columns in which some row has a figure."""
        kept = [
            index
            for index in range(len(self.columns))
            if any(row[index] != cells.NOT_MEASURED for row in self.rows)
        ]
        rows = (tuple(row[index] for index in kept) for row in self.rows)
        return Table(tuple(self.columns[index] for index in kept), tuple(rows))


def reference_model(models: Sequence[ModelRecord]) -> ModelRecord:
    """Return in whose latency ratios are told: mini-xception, else fer-nano, else the first."""
    found = [each for start in _REFERENCES for each in models if each.name.startswith(start)]
    return (found or list(models))[0]


def summary_table(results: Results) -> Table:
    """Return the headline figures with tails, for a terminal; failed models below the others."""
    rows = [_summary(each, reference_model(results.models)) for each in results.models]
    rows += [{"model": each.name, "KiB": "failed"} for each in results.failed]
    return Table.of(rows)


def _summary(model: ModelRecord, reference: ModelRecord) -> Row:
    found, latency, process = model.evaluation, model.latency_ms, model.process
    threads = model.latency_by_threads_ms
    most = threads[max(threads, key=_number)] if threads else None
    return {
        "model": model.name,
        "KiB": f"{model.file_bytes / 1024:.0f}",
        "accuracy": cells.percent(found.accuracy if found else None, 2, "%"),
        "95 % interval": cells.interval(found.accuracy_interval95) if found else "-",
        "macro-F1": cells.percent(found.macro_f1 if found else None, 2, "%"),
        "ECE": cells.percent(found.ece if found else None, 2, "%"),
        "flips": cells.decimal(model.label_flips, 0),
        "p50 ms": cells.tail(latency, "p50"),
        "p90": cells.tail(latency, "p90"),
        "p99": cells.tail(latency, "p99"),
        "times": cells.ratio(model, reference),
        "p50 all": cells.median(most),
        "load ms": cells.decimal(process.load_ms if process else None, 1),
        "peak MB": cells.scaled(process.peak_rss_bytes if process else None, 1e6, 1),
    }


def _number(threads: str) -> int:
    return int(threads) if threads.isdecimal() else 0


def overview_table(results: Results) -> Table:
    """Return the headline figures with size, parameters and training, for a page.

    `epochs` are those trained, of those planned where that is more; `times` is the latency
    in that of the reference model.
    """
    reference = reference_model(results.models)
    return Table.of([_overview(each, reference) for each in results.models])


def _overview(model: ModelRecord, reference: ModelRecord) -> Row:
    found = model.evaluation
    return {
        "model": model.name,
        "test (95 %)": cells.accuracy(found),
        "times": cells.ratio(model, reference),
        "ms a face": cells.median(model.latency_ms),
        "KiB": f"{model.file_bytes / 1024:,.0f}",
        "macro-F1": cells.percent(found.macro_f1 if found else None),
        "ECE": cells.percent(found.ece if found else None),
        "FER+ majority": cells.crowd(model, "eight"),
        "without contempt": cells.crowd(model, "seven"),
        "mild ones": cells.crowd(model, "mild"),
        "flips": cells.decimal(model.label_flips, 0),
        "parameters": cells.parameters(model),
        "MMACs": cells.decimal(model.mmacs or None, 1),
        "activations KiB": cells.scaled(model.activation_bytes, 1024),
        "validation": cells.percent(model.validation_accuracy or None),
        "epochs": cells.epochs(model),
    }


def cost_table(models: Sequence[ModelRecord]) -> Table:
    """Return the tails of the latency, other threads and kernels, and a fresh process."""
    return Table.of([_cost(model) for model in models])


def _cost(model: ModelRecord) -> Row:
    latency, process = model.latency_ms, model.process
    threads = model.latency_by_threads_ms
    return {
        "model": model.name,
        "p50 ms": cells.tail(latency, "p50"),
        "p90": cells.tail(latency, "p90"),
        "p95": cells.tail(latency, "p95"),
        "p99": cells.tail(latency, "p99"),
        **{f"{n} threads": cells.median(each) for n, each in threads.items() if n != "1"},
        "no XNNPACK": cells.median(model.latency_without_xnnpack_ms),
        "load ms": cells.decimal(process.load_ms if process else None, 1),
        "first face ms": cells.decimal(process.first_ms if process else None, 1),
        "peak MB": cells.scaled(process.peak_rss_bytes if process else None, 1e6),
    }


def recall_table(models: Sequence[ModelRecord]) -> Table:
    """Return the share of every class that is found: a row a class, a column a model."""
    judged = [model for model in models if model.evaluation and model.evaluation.per_class]
    return _by_model("recall", judged, class_names(judged[:1]), cells.recall)


def distortion_table(models: Sequence[ModelRecord]) -> Table:
    """Return the accuracy under every distortion, the points lost in brackets."""
    robust = [model for model in models if model.evaluation and model.evaluation.robustness]
    return _by_model("distortion", robust, distortion_names(robust[:1]), cells.distorted)


def _by_model(
    head: str,
    models: Sequence[ModelRecord],
    names: Sequence[str],
    cell: Callable[[ModelRecord, str], str],
) -> Table:
    return Table.of([{head: name, **{m.name: cell(m, name) for m in models}} for name in names])


def class_names(models: Sequence[ModelRecord]) -> list[str]:
    """Return the classes that one of the models was judged on, each once."""
    judged = [model.evaluation for model in models if model.evaluation]
    return list(dict.fromkeys(label for found in judged for label in found.per_class))


def distortion_names(models: Sequence[ModelRecord]) -> list[str]:
    """Return the distortions that one of the models was judged under, each once."""
    judged = [model.evaluation for model in models if model.evaluation]
    return list(dict.fromkeys(name for found in judged for name in found.robustness))


def clip_table(clips: Sequence[ClipRecord]) -> Table:
    """Return speed, finds and the share of every stage, of every loop on every clip."""
    return Table.of([_clip(clip, loop) for clip in clips for loop in clip.loops])


def _clip(clip: ClipRecord, loop: LoopRecord) -> Row:
    whole, known = sum(loop.stages_ms.values()), clip.frames_with_face is not None
    stages = (f"{name} {ms / whole:.0%}" for name, ms in loop.stages_ms.items() if whole)
    lost = None if loop.dropped is None else f"{loop.dropped} of {clip.frames}"
    return {
        "clip": clip.clip,
        "loop": loop.name,
        "frames/s": f"{loop.frames_per_second:.0f}",
        "found of frames": f"{loop.found} of {clip.frames_with_face}" if known else "-",
        "false boxes": str(loop.false_boxes) if known else "-",
        **({} if lost is None else {"a camera's frames dropped": lost}),
        "ms a frame": f"{1e3 / loop.frames_per_second:.2f}",
        "share of stages": ", ".join(stages) or cells.NOT_MEASURED,
    }


def loop_ratios(clips: Sequence[ClipRecord]) -> Iterator[str]:
    """Yield how much faster the first loop is than each of the others, as a line."""
    first, *others = (list(each) for each in zip(*(clip.loops for clip in clips), strict=True))
    for other in others:
        ratios = [b.seconds / a.seconds for a, b in zip(first, other, strict=True)]
        whole = sum(b.seconds for b in other) / sum(a.seconds for a in first)
        yield (
            f"{first[0].name}: {min(ratios):.1f} to {max(ratios):.1f} times the frames a second of "
            f"{other[0].name}, {whole:.1f} over all clips"
        )
