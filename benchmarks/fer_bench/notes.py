"""What stands beside the tables, once: what failed or was noisy, and the secondary figures."""

from __future__ import annotations

from collections.abc import Iterator

from fer_bench import cells
from fer_bench.records import Environment, ModelRecord
from fer_bench.results import Results


def warnings(results: Results) -> Iterator[str]:
    """Yield a line for whatever failed, was cut short or was disturbed."""
    for failed in results.failed:
        yield f"{failed.name}: not measured: {failed.error}"
    for model in results.models:
        if model.evaluation_error:
            yield f"{model.name}: {model.evaluation_error}"
    if results.quick:
        yield "--quick: a tenth of the timed runs"
    if any(not model.latency_ms for model in results.models):
        yield "latency, load time and memory: not measured, since others share a cluster's nodes"
    for model in results.models:
        if model.is_noisy and model.conditions and model.latency_ms:
            reason = cells.noise(model.conditions, model.latency_ms.spread)
            yield f"{model.name}: NOISY: {reason}; measure the latency again"
    if results.environment.busy:
        yield f"NOISY: {_busy(results.environment)}; measure the latencies again"
    timed = [model.name for model in results.models if model.latency_ms]
    if results.environment.lacks_int8_products and any(name.endswith("int8") for name in timed):
        yield (
            "Linux names no int8 dot products of this processor (such as avx512_vnni or asimddp): "
            "int8 may be no faster than float32"
        )


def _busy(where: Environment) -> str:
    if where.load_before is None:
        return "other programs were at work before"
    return (
        f"other programs were at work before ({where.load_before:.1f} on average, on "
        f"{where.cores} cores)"
    )


def secondary_figures(model: ModelRecord) -> Iterator[str]:
    """Yield the figures that are no headline, in words."""
    if found := model.evaluation:
        if (share := found.accuracy_without_duplicates) is not None:
            yield f"{cells.percent(share, unit=' %')} without duplicates of training pictures"
        if (share := found.accuracy_test_time_augmentation) is not None:
            yield f"{cells.percent(share, unit=' %')} with test-time augmentation (ten crops)"
    if model.parity:
        yield cells.parity_sentence(model)
    if model.endurance:
        yield cells.endurance(model.endurance)
