"""Jobs that are tasks of a Ray cluster, each in a process of its own."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_core.demand import Demand
from fer_core.files import make_folder
from fer_core.ray_cluster import Cluster, Lost
from fer_train.jobs.node import Call, Left, files_of, train_on_node
from fer_train.jobs.pools import Cause, Ended, Job, Where
from fer_train.jobs.room import JOB_BYTES
from fer_train.run_facts import accuracies

if TYPE_CHECKING:
    from fer_train.run import Say

_PACKAGE = "fer-edge-kit[train,edge-headless]"
_MOST_DEATHS = 3
"""A job whose worker died so often without an epoch in between has failed."""
_ARRIVE_SECONDS = 90.0
"""How long files of a node may take to be seen here: NFS looks again after a minute."""
_LOOK_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class _Flight:
    """A job on the cluster.

    Attributes:
        epochs: How many epochs it had when it last began, and have been told.
    """

    job: Job
    epochs: int
    told: int
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A job that is done, and the time until which its files have to be seen here."""

    job: Job
    left: Left
    until: float


class RayPool:
    """A task a job. One whose worker or node dies starts again and goes on from its last epoch."""

    def __init__(self, where: Where, out: Path, say: Say, follow: Say) -> None:
        """Join the cluster.

        Args:
            where: Which one, and what each job gets there.
            out: The folder, below which are those of the jobs; all nodes share it.
            say: What gets a line on what there is.
            follow: What gets the lines of the jobs.

        Raises:
            FerError: It cannot be joined, or its nodes lack this package or that folder.
        """
        demand = Demand(_PACKAGE, "fer-train", where.cores, where.gpus, JOB_BYTES, own_process=True)
        self._follow, self._look_at = follow, 0.0
        self._flights: list[_Flight] = []
        self._arriving: list[_Arrival] = []
        with ExitStack() as leaving:
            call = Call.begun(out, where)
            leaving.callback(call.end)
            self._cluster: Cluster[_Flight] = Cluster(where.place.cluster, train_on_node, demand)
            leaving.callback(self._cluster.close)
            self._shared: Any = self._cluster.shared(call)
            self._cluster.require_worker(self._shared, None)
            self._leaving = leaving.pop_all()
        say(f"Ray: {self._cluster.places()} jobs at a time now, each with {demand.text()}")
        if not where.gpus and self._cluster.has_gpus():
            say("the cluster has GPUs, which these jobs leave idle: --job-gpus 1 uses them")

    @property
    def has_room(self) -> bool:
        """Whether fewer jobs are in flight than there are places, and one more.

        The one that waits begins as soon as a place is free, and shows Ray's autoscaler that
        another node would be used.
        """
        return self._cluster.in_flight <= self._cluster.places()

    @property
    def is_busy(self) -> bool:
        """Whether a job waits or runs."""
        return bool(self._flights or self._arriving)

    def submit(self, job: Job) -> None:
        """Send a job to the cluster."""
        make_folder(job.out)
        epochs = len(accuracies(job.out))
        flight = _Flight(job, epochs, epochs)
        self._flights.append(flight)
        self._send(flight)

    def outcomes(self, seconds: float) -> list[Ended]:
        """Wait for jobs that end, at most so long; return those.

        Raises:
            FerError: The connection to the cluster is lost, or a node lacks this package.
        """
        if self._cluster.in_flight:
            found = self._cluster.ended(seconds)
        else:
            found = []
            time.sleep(min(seconds, _LOOK_SECONDS))  # for files that arrive
        failed = [ended for flight, result in found if (ended := self._came(flight, result))]
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_SECONDS
            for flight in self._flights:
                self._tell(flight)
        return failed + self._arrived()

    def end(self, job: Job) -> None:
        """End a job that waits or runs; its run folder stays, and nothing is told of it."""
        for flight in [flight for flight in self._flights if flight.job is job]:
            self._flights.remove(flight)
            self._cluster.end(flight)
        self._arriving = [each for each in self._arriving if each.job is not job]

    def close(self) -> None:
        """Leave the cluster, which ends all jobs; their run folders stay as they are."""
        self._flights, self._arriving = [], []
        self._leaving.close()

    def _send(self, flight: _Flight) -> None:
        job = flight.job
        seen = tuple(each for each in job.inputs if each.exists())
        self._cluster.submit(flight, self._shared, job, seen)

    def _came(self, flight: _Flight, result: Left | Lost) -> Ended | None:
        """Note what came of a job; return it where it failed."""
        self._tell(flight)
        if isinstance(result, Lost):
            return self._again(flight, result.reason)
        self._flights.remove(flight)
        failure = result.failure
        if failure.reason:
            reason = f"{failure.reason} (on {result.node})"
            return Ended(flight.job, reason, failure.cause)
        until = time.monotonic() + _ARRIVE_SECONDS
        self._arriving.append(_Arrival(flight.job, result, until))
        return None

    def _again(self, flight: _Flight, reason: str) -> Ended | None:
        """Start a job again whose worker died, unless it gets no further."""
        flight.deaths = 1 if flight.told > flight.epochs else flight.deaths + 1
        flight.epochs = flight.told
        if flight.deaths < _MOST_DEATHS:
            place = f"from epoch {flight.epochs + 1}" if flight.epochs else "from its beginning"
            self._follow(f"{flight.job.name}: {reason}; it continues {place}")
            self._send(flight)
            return None
        self._flights.remove(flight)
        often = f"{_MOST_DEATHS} times without an epoch in between"
        return Ended(flight.job, f"{reason}, {often}", Cause.KILLED)

    def _arrived(self) -> list[Ended]:
        """Return the jobs whose files are seen here, or should be by now."""
        ended, waiting = [], []
        for each in self._arriving:
            here = files_of(each.job.out)
            missing = [name for name, size in each.left.files.items() if here.get(name) != size]
            if not missing:
                ended.append(Ended(each.job))
            elif time.monotonic() >= each.until:
                reason = (
                    f"it is done, but {missing[0]} that the node {each.left.node} wrote is not in "
                    f"{each.job.out} here: is that folder shared?"
                )
                ended.append(Ended(each.job, reason, Cause.STORAGE))
            else:
                waiting.append(each)
        self._arriving = waiting
        return ended

    def _tell(self, flight: _Flight) -> None:
        """Tell how far a job has come since."""
        curve = accuracies(flight.job.out)
        if len(curve) > flight.told:
            flight.told = len(curve)
            self._follow(f"{flight.job.name}: epoch {len(curve)}, validation {curve[-1]:.2%}")
