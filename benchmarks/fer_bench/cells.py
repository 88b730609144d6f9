"""The figures of one model as text: what stands in a cell of any table, `-` if not measured."""

from __future__ import annotations

from fer_bench.evaluation import Agreement, ClassMetrics, Evaluation
from fer_bench.limits import NOISY
from fer_bench.records import Conditions, Endurance, Latency, ModelRecord

NOT_MEASURED = "-"


def percent(share: float | None, places: int = 1, unit: str = "") -> str:
    """Return a share (0 to 1) in percent."""
    return NOT_MEASURED if share is None else f"{100 * share:.{places}f}{unit}"


def decimal(value: float | None, places: int = 3) -> str:
    """Return a number, of milliseconds for instance."""
    return NOT_MEASURED if value is None else f"{value:.{places}f}"


def count(value: int | None) -> str:
    """Return a whole number, its thousands apart."""
    return NOT_MEASURED if value is None else f"{value:,}"


def scaled(value: float | None, unit: float, places: int = 0) -> str:
    """Return a number of bytes or the like in a larger unit; 0 is not measured either."""
    return f"{value / unit:,.{places}f}" if value else NOT_MEASURED


def interval(bounds: tuple[float, float], between: str = "-") -> str:
    """Return the bounds of a share in percent."""
    low, high = bounds
    return f"{100 * low:.1f}{between}{100 * high:.1f}"


def signed(change: float, places: int = 2) -> str:
    """Return a change of a share in points, with its sign."""
    return f"{100 * change:+.{places}f}"


def accuracy(found: Evaluation | None) -> str:
    """Return the accuracy with its interval."""
    if not found:
        return NOT_MEASURED
    return f"{percent(found.accuracy)} ({interval(found.accuracy_interval95)})"


def parameters(model: ModelRecord) -> str:
    """Return how many parameters the network has."""
    return count(model.parameters or None)


def median(latency: Latency | None) -> str:
    """Return the median of a latency."""
    return decimal(latency.p50 if latency else None)


def tail(latency: Latency | None, which: str) -> str:
    """Return a percentile of a latency, such as p90."""
    return decimal(getattr(latency, which, None))


def ratio(model: ModelRecord, reference: ModelRecord) -> str:
    """Return the latency in that of the reference model."""
    own, its = model.latency_ms, reference.latency_ms
    return f"{own.p50 / its.p50:.2f}" if own and its else NOT_MEASURED


def epochs(model: ModelRecord) -> str:
    """Return the epochs trained, of those that its settings planned where that is more."""
    done, planned = model.epochs, model.recipe_epochs
    if not done:
        return NOT_MEASURED
    return f"{done} of {planned}" if planned and done < planned else str(done)


def distorted(model: ModelRecord, distortion: str) -> str:
    """Return the accuracy under a distortion and, in brackets, the points lost."""
    found = model.evaluation
    share = found.robustness.get(distortion) if found else None
    if found is None or share is None:
        return NOT_MEASURED
    return f"{percent(share)} ({signed(share - found.accuracy, 1)})"


def crowd(model: ModelRecord, part: str) -> str:
    """Return how often it agrees with FER+'s majority on a part of `Crowd`, with the interval."""
    judged = model.evaluation
    found: Agreement | None = getattr(judged.crowd, part, None) if judged else None
    if not found:
        return NOT_MEASURED
    return f"{percent(found.share, unit=' %')} ({interval(found.interval95, ' to ')})"


def mean_distorted(model: ModelRecord) -> str:
    """Return the mean accuracy over the distortions."""
    shares = [*model.evaluation.robustness.values()] if model.evaluation else []
    return percent(sum(shares) / len(shares), unit=" %") if shares else NOT_MEASURED


def worst_distorted(model: ModelRecord) -> str:
    """Return the accuracy under the worst distortion, and which that is."""
    shares = model.evaluation.robustness if model.evaluation else {}
    if not shares:
        return NOT_MEASURED
    worst = min(shares, key=lambda name: shares[name])
    return f"{percent(shares[worst], unit=' %')} ({worst})"


def recall(model: ModelRecord, label: str) -> str:
    """Return the share of a class that is found; of a class that the pictures have."""
    found = _of_class(model, label)
    return percent(found.recall if found else None)


def class_metrics(model: ModelRecord, label: str) -> str:
    """Return precision, recall and F1 of a class."""
    found = _of_class(model, label)
    if not found:
        return NOT_MEASURED
    return ", ".join(percent(share) for share in (found.precision, found.recall, found.f1))


def _of_class(model: ModelRecord, label: str) -> ClassMetrics | None:
    """Return the figures of a class, None where the pictures have none of it."""
    found = model.evaluation.per_class.get(label) if model.evaluation else None
    return found if found and found.support else None


def parity(model: ModelRecord) -> str:
    """Return the points gained or lost against the float32 parent, with their interval."""
    if not model.parity:
        return NOT_MEASURED
    low, high = model.parity.accuracy_change_interval95
    change = signed(model.parity.accuracy_change)
    return f"{change} ({signed(low)} to {signed(high)})"


def parity_sentence(model: ModelRecord) -> str:
    """Return the same as words, with McNemar's test."""
    if not model.parity:
        return ""
    low, high = model.parity.accuracy_change_interval95
    p = model.parity.mcnemar_p
    test = "" if p is None else f"; McNemar's exact p = {p:.2g}"
    return (
        f"{signed(model.parity.accuracy_change)} points against its parent "
        f"(95 % interval {signed(low)} to {signed(high)}, paired{test})"
    )


def noise(conditions: Conditions, spread: float) -> str:
    """Return why a latency is not to be trusted."""
    reasons = [conditions.throttled] if conditions.throttled else []
    if conditions.slowdown > NOISY:
        reasons.append(
            f"a fixed piece of work took {conditions.slowdown:.2f} times as long as at its best"
        )
    return "; ".join([*reasons, f"the medians of its rounds lie {spread:.0%} apart"])


def endurance(held: Endurance) -> str:
    """Return a run without a pause in words."""
    windows = held.windows
    heats = [w.temperature_celsius for w in windows if w.temperature_celsius is not None]
    words = [
        f"{held.seconds:.0f} s without a pause: {decimal(held.first_ms)} ms at first, "
        f"{decimal(held.last_ms)} at last"
    ]
    if heats:
        words.append(f"{heats[0]:.0f} to {heats[-1]:.0f} degrees")
    if held.throttled_ms is not None:
        words.append(f"throttled {held.throttled_share:.0%} of it, then {held.throttled_ms:.3f} ms")
    if held.millijoules_a_face is None:
        return ", ".join([*words, "energy not measured: no meter"])
    watts = f"{decimal(held.busy_watts, 1)} W ({decimal(held.idle_watts, 1)} idle)"
    return ", ".join([*words, watts, f"{held.millijoules_a_face:.2f} mJ a face"])
