"""What a sweep leaves: a table, a picture of what mattered, the best settings, a report."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from fer_core.files import write_text
from fer_core.settings import settings_toml
from fer_core.text import counted, on_paper, typed
from fer_train.figures import save_figure
from fer_train.sweep.chance import expected_gain
from fer_train.sweep.run import trial_folder, value_text
from fer_train.sweep.space import Space

if TYPE_CHECKING:
    from fer_train.sweep.study import Tried

TABLE, IMPORTANCES, BEST, REPORT = "trials.csv", "importances.png", "best.toml", "report.txt"
_MOST_ROWS = 10


def leave_results(
    out: Path,
    space: Space,
    tried: Sequence[Tried],
    importances: dict[str, float],
    pictures: int,
) -> str:
    """Write the results of a sweep so far into its folder; return the report.

    Args:
        out: The folder.
        space: What was tried.
        tried: The trials that have ended.
        importances: Each setting's share in the variance of accuracy; empty where none is known.
        pictures: How many validation pictures there are.
    """
    write_text(out / TABLE, _table(space, tried))
    complete = sorted(
        (each for each in tried if each.state == "complete"),
        key=lambda each: -(each.accuracy or 0),
    )
    text = f"{out}: {_counts(tried)}\n"
    if complete:
        config = space.trial_config(complete[0].values)
        write_text(out / BEST, settings_toml(config))
        text += "\n" + _shown(space, complete[:_MOST_ROWS]) + "\n"
        text += _doubts(complete[0], tried, pictures)
    if importances:
        _draw(out / IMPORTANCES, importances, len(complete))
        shares = ", ".join(f"{name} {share:.0%}" for name, share in importances.items())
        text += f"share in the variance of accuracy, by {len(complete)} complete trials: {shares}\n"
    if complete:
        text += (
            f"the best network: {trial_folder(out, complete[0].number)}\n"
            f"its settings: fer-train --config {typed(out / BEST)}\n"
        )
    write_text(out / REPORT, text)
    return text


def _counts(tried: Sequence[Tried]) -> str:
    counts = Counter(each.state for each in tried)
    states = ", ".join(f"{counts[state]} {state}" for state in ("complete", "pruned", "failed"))
    return f"{counted(len(tried), 'trial')} ({states})"


def _doubts(best: Tried, tried: Sequence[Tried], pictures: int) -> str:
    """Return how many trials the best one was chosen from, and what that is worth by chance."""
    judged = sum(each.accuracy is not None for each in tried)
    if judged == 1:
        return (
            "Nothing was chosen: one trial. The test split was not used: fer-bench judges by it.\n"
        )
    accuracy = best.accuracy or 0.0
    gain = expected_gain(judged, accuracy, pictures)
    return (
        f"The best was chosen from {judged} trials by {pictures} validation pictures. If all were "
        f"equally good, the best\nwould still seem {100 * gain:.1f} points better than it is: the "
        f"expected maximum of {judged} binomial estimates at\n{accuracy:.1%}. They count as "
        "independent; as trials share the pictures, the true figure is lower. The test split\n"
        "was not used: fer-bench judges by it.\n"
    )


def _table(space: Space, tried: Sequence[Tried]) -> str:
    """Return all trials as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [setting.name for setting in space.settings]
    writer.writerow(["trial", "state", "accuracy", "seconds", *names, "why"])
    for each in tried:
        accuracy = "" if each.accuracy is None else round(each.accuracy, 6)
        values = [each.values[name] for name in names]
        row = [each.number, each.state, accuracy, round(each.seconds, 1), *values, each.why]
        writer.writerow(row)
    return text.getvalue()


def _shown(space: Space, best: Sequence[Tried]) -> str:
    """Return trials as a table to read."""
    names = [setting.name for setting in space.settings]
    rows = [["trial", "accuracy", *names]]
    rows += [
        [str(each.number), f"{each.accuracy:.2%}", *(value_text(each.values[n]) for n in names)]
        for each in best
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.rjust, row, widths)) for row in rows)
    return "\n".join(lines) + "\n"


def _draw(path: Path, importances: dict[str, float], complete: int) -> None:
    """Draw what share each setting has in the variance of accuracy."""
    names = list(importances)[::-1]
    figure = Figure(figsize=(7, 1.2 + 0.4 * len(names)), layout="constrained")
    axis = figure.subplots()
    axis.barh([on_paper(name) for name in names], [importances[name] for name in names])
    axis.set(xlim=(0, 1), xlabel="share in the variance of accuracy (fANOVA)")
    axis.set_title(f"what mattered, by {complete} complete trials")
    save_figure(path, figure)
