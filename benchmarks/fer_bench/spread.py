"""Accuracy alone, each model judged on a node of a Ray cluster. Latency is not measured there."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from fer_bench.accuracy import TestPictures
from fer_bench.environment import read_environment
from fer_bench.judging import (
    Extent,
    Judgment,
    Named,
    bare_record,
    judge,
    judged,
    parent_of,
    require_any,
    told_apart,
)
from fer_bench.records import FailedModel
from fer_bench.results import Results
from fer_core.bundle import ModelBundle
from fer_core.demand import Demand
from fer_core.errors import FerError
from fer_core.ray_cluster import Cluster, Lost
from fer_edge.inference.interpreter import kernels_taken, runtime_name

_DEMAND = Demand("fer-edge-kit[edge-headless]", "fer-bench")
_MOST_DEATHS = 3
"""A model whose worker died so often cannot be judged."""


@dataclass(frozen=True, slots=True)
class TestData:
    """The test pictures by their place, which all nodes see.

    Attributes:
        data: The data set, a whole path.
        votes: FER+'s votes, a whole path; None for the labels of the data.
        fingerprint: That of the pictures and labels, as this computer reads them.
        runtime: The runtime of this computer, with its version.
    """

    __test__ = False  # pytest would take it for a test

    data: Path
    votes: Path | None
    skip_bad: bool
    fingerprint: str
    runtime: str

    @classmethod
    def of(cls, pictures: TestPictures) -> TestData:
        """Return where test pictures lie, and what they are.

        Raises:
            FerError: They cannot be read.
        """
        votes = pictures.votes.resolve() if pictures.votes else None
        print_ = pictures.described()[1]
        return cls(pictures.data.resolve(), votes, pictures.skip_bad, print_, runtime_name())

    def here(self) -> TestPictures:
        """Return the pictures as this node reads them.

        Raises:
            FerError: It sees none or others, or has another runtime.
        """
        node = f"the node {platform.node()}"
        if runtime_name() != self.runtime:
            raise FerError(
                f"{node} has {runtime_name()}, and this computer {self.runtime}: another runtime "
                "may round otherwise. Install the same on every node."
            )
        if missing := [each for each in (self.data, self.votes) if each and not each.exists()]:
            raise FerError(
                f"{node} does not see {missing[0]}: the pictures have to lie where all nodes see "
                "them, with the same path"
            )
        pictures = TestPictures(self.data, self.votes, self.skip_bad)
        if pictures.described()[1] != self.fingerprint:
            raise FerError(f"{node} has other pictures or labels at {self.data}")
        return pictures


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One model to judge; of a parent that is no model of the run, only the answers count."""

    path: Path
    bundle: ModelBundle
    whole: bool


@dataclass(frozen=True, slots=True)
class _Judgments:
    """What came of every file; in words where nothing did."""

    found: dict[Path, Judgment | str | Lost]

    def __call__(self, path: Path, bundle: ModelBundle, whole: bool) -> Judgment:
        """Return the judgment of a file.

        Raises:
            FerError: There is none; the message says why.
        """
        judgment = self.found[path]
        if isinstance(judgment, Judgment):
            return judgment
        raise FerError(judgment.reason if isinstance(judgment, Lost) else judgment)


def spread_accuracy(
    paths: Sequence[Path],
    pictures: TestPictures,
    parent: Path | None,
    extent: Extent,
    address: str,
    command: str,
    say: Callable[[str], None],
) -> Results:
    """Judge each bundle on a node of a cluster, as `run_benchmark` does on this computer.

    Raises:
        FerError: No model can be read, or the cluster cannot judge any: it is not reached, or its
            nodes lack the package, the runtime of this computer or the pictures.
    """
    models, failed = _read_each(paths)
    data, fingerprint = pictures.described()
    for line in pictures.remarks():
        say(line)
    tasks, test = _tasks(models, parent), TestData.of(pictures)
    judgments = _Judgments(_judged_there(tasks, test, extent, address, say))
    done = list[Named]()
    for model in models:
        if isinstance(lost := judgments.found[model[0]], Lost):  # as one that crashes here
            failed.append(FailedModel(name=model[1].name, error=lost.reason))
        else:
            done.append(model)
    require_any(done, failed)
    records = [judged(bare_record(*model), model, models, parent, judgments) for model in done]
    runtime = runtime_name()
    environment = read_environment(runtime, kernels_taken(runtime))
    return Results(
        command=command,
        environment=replace(environment, load_before=None, busy=False),  # nothing was timed
        data=data,
        data_fingerprint=fingerprint,
        quick=extent.quick,
        models=told_apart(records, [path for path, _ in done]),
        failed=tuple(failed),
    )


def _read_each(paths: Sequence[Path]) -> tuple[list[Named], list[FailedModel]]:
    """Return the bundles, and the files that are none; raise FerError where all are."""
    models, failed = list[Named](), list[FailedModel]()
    for path in paths:
        try:
            models.append((path, ModelBundle.load(path)))
        except FerError as error:
            failed.append(FailedModel(name=path.stem, error=str(error)))
    require_any(models, failed)
    return models, failed


def _tasks(models: Sequence[Named], parent: Path | None) -> list[_Task]:
    """Return the models, and the parents that are none of them."""
    found = {parent_of(model, models, parent) for model in models}
    parents = sorted(each for each in found - {path for path, _ in models} if each)
    return [_Task(*model, True) for model in models] + [
        _Task(path, ModelBundle.load(path), False) for path in parents
    ]


def _judged_there(
    tasks: Sequence[_Task],
    data: TestData,
    extent: Extent,
    address: str,
    say: Callable[[str], None],
) -> dict[Path, Judgment | str | Lost]:
    """Return what came of each task."""
    cluster: Cluster[_Task] = Cluster(address, judge_on_node, _DEMAND)
    found: dict[Path, Judgment | str | Lost] = {}
    deaths = Counter[Path]()
    try:
        shared = cluster.shared((data, extent))
        cluster.require_worker(shared, None)
        say(f"Ray: {cluster.places()} cores")
        for task in tasks:
            cluster.submit(task, shared, task)
        while cluster.in_flight:
            for task, result in cluster.ended(1.0):
                deaths[task.path] += isinstance(result, Lost)
                if isinstance(result, Lost) and deaths[task.path] < _MOST_DEATHS:
                    say(f"{task.path.name}: {result.reason}; it is judged again")
                    cluster.submit(task, shared, task)
                else:
                    say(f"evaluated {task.path.name}")
                    found[task.path] = result
    finally:
        cluster.close()
    return found


def judge_on_node(how: tuple[TestData, Extent], task: _Task | None) -> Judgment | str:
    """Judge a model; without one, try whether this node can judge any.

    Returns:
        What came of it, or why nothing does with this model.

    Raises:
        FerError: This node can judge no model.
    """
    data, extent = how
    pictures = _pictures(data)
    if task is None:
        return ""
    try:
        return judge(task.bundle, pictures, extent, whole=task.whole)
    except FerError as error:
        return str(error)


@lru_cache(maxsize=1)
def _pictures(data: TestData) -> TestPictures:
    return data.here()
