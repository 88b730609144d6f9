"""Which ideas help fer-nano: short trainings that differ in one idea, with several seeds.

    python train/studies/screens.py runs/screens --data fer2013.npz --elsewhere ck48.npz web131.npz
        --seeds 1 2 3 --out train/studies/results/screens.json
    python train/studies/screens.py runs/screens ... --only baseline mixup erasing --epochs 90

Each training is that of train/configs/fer-nano.toml without the online teacher, and shorter. It
has a run folder of fer-train in runs/screens, in a process with as many threads as its share of
the cores. The same command continues after a stop. Trainings whose figures are in --out already
are not repeated.
It prints mean and standard deviation over the seeds, in percent: of the accuracy on PublicTest,
and of the balanced accuracy on each set from elsewhere (float32, one view).
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fer_core.files import make_folder, write_text
from fer_core.labels import FER2013_LABELS
from fer_core.pools import Place
from fer_core.readers import load_dataset
from fer_train.backend import start_quietly
from fer_train.config import TrainConfig
from fer_train.device import choose_backend
from fer_train.jobs.pools import Where, finish_all, make_pool
from fer_train.run_facts import METRICS, saved_config
from fer_train.run_folder import chosen_config, has_begun, model_file
from fer_train.shipped import shipped_config
from fer_train.sweep.trial_job import require_own

IDEAS: dict[str, dict[str, bool | float | str]] = {
    "baseline": {},
    "labels-alone": {"soft_labels": ""},
    "more-votes": {"soft_labels_weight": 0.75},
    "online-teacher": {"online_teacher": "fer-base"},
    "milder": {"shift": 0.04, "rotation": 6.0, "zoom": 0.06},
    "wider": {"shift": 0.12, "rotation": 30.0, "zoom": 0.2},
    "good-cameras": {"degrade": 0.0},
    "erasing": {"erasing": 0.3},
    "mixup": {"mixup": 0.2},
    "label-smoothing": {"label_smoothing": 0.1},
    "class-weights": {"class_weights": True},
    "no-average": {"ema_decay": 0.0},
    "less-decay": {"weight_decay": 5e-4},
    "squeeze-excite": {"arch": "squeeze-excite"},
    "normalized": {"arch": "normalized"},
}
"""What each changes: settings of fer-train, or the network (screen_networks.py)."""
JUDGED, PUBLIC = "judged.json", "PublicTest"


@dataclass(frozen=True, slots=True)
class Screen:
    """One training, as a job.

    Attributes:
        runs: The folder of all trainings.
        elsewhere: Data sets that judge it, next to PublicTest.
    """

    idea: str
    config: TrainConfig
    runs: Path
    elsewhere: tuple[Path, ...]

    @property
    def name(self) -> str:
        """What it is called in messages and folders."""
        return f"{self.idea}-{self.config.seed}"

    @property
    def out(self) -> Path:
        """Its run folder."""
        return self.runs / self.name

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from other trainings."""
        return {"idea": self.idea, "seed": self.config.seed, "epochs": self.config.epochs}

    @property
    def judges(self) -> set[str]:
        """The names of what judges it."""
        return {PUBLIC, *(path.stem for path in self.elsewhere)}

    @property
    def is_judged(self) -> bool:
        """Whether its folder has the figure of each set."""
        file = self.out / JUDGED
        return file.exists() and json.loads(file.read_text()).keys() == self.judges

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files that it reads."""
        return (*self.config.inputs, *self.elsewhere)

    def run(self, say: Callable[[str], None]) -> None:
        """Train from where the run folder is, and judge."""
        choose_backend()
        start_quietly()
        from screen_networks import NETWORKS

        from fer_train.architectures import ARCHITECTURES
        from fer_train.run import run_training

        ARCHITECTURES.update(NETWORKS)
        if not (self.out / METRICS).exists():
            run_training(self.config, self.out, has_begun(self.out), say)
        write_text(self.out / JUDGED, json.dumps(self._judged(), indent=1) + "\n")

    def _judged(self) -> dict[str, float]:
        """Return the accuracy on PublicTest, and the balanced one on each other set, 0 to 1."""
        from fer_train.evaluate import evaluate
        from fer_train.transfer import load_keras_model

        model = load_keras_model(model_file(self.out))
        sets = {path.stem: load_dataset(path).in_order(FER2013_LABELS) for path in self.elsewhere}
        metrics = json.loads((self.out / METRICS).read_text())
        figures = {PUBLIC: metrics["validation"]["accuracy"]}
        figures |= {name: evaluate(model, held).macro_recall for name, held in sets.items()}
        return {name: round(float(value), 4) for name, value in figures.items()}


@dataclass(frozen=True, slots=True)
class Summary:
    """What the trainings with one idea came to.

    Attributes:
        figures: By the name of what judged them: a figure of each seed, 0 to 1.
    """

    idea: str
    figures: dict[str, list[float]]

    def row(self) -> str:
        """Return a row of the table, in percent."""
        seeds = len(next(iter(self.figures.values())))
        return f"| {self.idea} | {seeds} | {' | '.join(map(_cell, self.figures.values()))} |"


def _cell(figures: Sequence[float]) -> str:
    """Return mean and standard deviation, in percent."""
    mean = f"{100 * statistics.mean(figures):.1f}"
    return f"{mean} ± {100 * statistics.stdev(figures):.1f}" if len(figures) > 1 else mean


def screen(idea: str, seed: int, given: argparse.Namespace) -> Screen:
    """Return the training with an idea and a seed."""
    changed = dict(IDEAS[idea])
    network = changed.pop("arch", None)
    same = {"data": str(given.data.resolve()), "epochs": given.epochs, "online_teacher": ""}
    settings = {**same, "seed": seed, **changed}
    config = chosen_config(shipped_config("fer-nano"), None, None, settings)
    config = replace(config, arch=network) if network else config
    return Screen(idea, config, given.runs.resolve(), tuple(given.elsewhere))


def is_of(row: dict[str, Any], training: Screen) -> bool:
    """Return whether a row is that of a training, judged by the same sets."""
    return training.key.items() <= row.items() and row["figures"].keys() == training.judges


def done_row(done: Screen) -> dict[str, Any]:
    """Return what there is to keep of a training that is done."""
    metrics = json.loads((done.out / METRICS).read_text())
    return {
        **done.key,
        "precision": saved_config(done.out).precision,
        "computed_on": metrics["computed_on"],
        "figures": json.loads((done.out / JUDGED).read_text()),
    }


def summaries(rows: Iterable[dict[str, Any]]) -> list[Summary]:
    """Return what the trainings of each idea came to, in the order of IDEAS."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        for name, value in row["figures"].items():
            found.setdefault(row["idea"], {}).setdefault(name, []).append(value)
    return [Summary(idea, found[idea]) for idea in IDEAS if idea in found]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table of all ideas, as Markdown."""
    names = list(rows[0]["figures"])
    head = f"| idea | seeds | {' | '.join(names)} |\n|---|---:|{'---:|' * len(names)}\n"
    return head + "\n".join(each.row() for each in summaries(rows))


def main() -> None:
    """Train what is not done, print the table, and write every training's figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, help="the folder of the trainings")
    parser.add_argument("--data", type=Path, required=True, help="as fer-train takes it")
    parser.add_argument("--elsewhere", type=Path, nargs="+", default=[])
    parser.add_argument("--only", choices=IDEAS, nargs="+", default=list(IDEAS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--jobs", type=int, default=0, help="trainings at a time")
    parser.add_argument("--out", type=Path, required=True, help="where the figures go")
    given = parser.parse_args()
    rows = json.loads(given.out.read_text()) if given.out.exists() else []
    wanted = [screen(idea, seed, given) for seed in given.seeds for idea in given.only]
    missing = [each for each in wanted if not any(is_of(row, each) for row in rows)]
    for each in missing:
        require_own(each.out, each.config)
    make_folder(given.runs)
    if waiting := [each for each in missing if not each.is_judged]:
        pool = make_pool(Where(Place(workers=given.jobs)), given.runs, len(waiting), print, print)
        finish_all(waiting, pool, "the same command", print)
    rows += [done_row(each) for each in missing]
    write_text(given.out, json.dumps(rows, indent=1) + "\n")
    print(table([row for row in rows if any(is_of(row, each) for each in wanted)]))


if __name__ == "__main__":
    main()
