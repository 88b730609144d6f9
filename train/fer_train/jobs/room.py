"""How many trainings this computer bears at a time."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from fer_core.cores import free_bytes, most_processes, usable_cores
from fer_train.device import has_jax_for_gpu

JOB_BYTES = 2_000_000_000
"""What a training is taken to need. Measured on FER2013, TensorFlow on x86-64: 1.4 GB (vgg-11)."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many jobs run at a time, and what each gets.

    Attributes:
        threads: The threads of each job.
        why: What decided the number of jobs, in words.
    """

    jobs: int
    threads: int
    why: str

    def text(self) -> str:
        """Return it in words."""
        jobs = "1 job" if self.jobs == 1 else f"{self.jobs} jobs"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{jobs} at a time with {threads} each ({self.why}; --on local:N changes it)"


def room_for(most: int, wanted: int = 0) -> Room:
    """Return the room of this computer for jobs.

    Args:
        most: How many jobs there are.
        wanted: How many are to run at a time; 0 for as many as cores and memory bear.
    """
    cores, free = usable_cores(), free_bytes(usable_cores() * JOB_BYTES)
    if wanted:
        jobs, why = wanted, "as asked for"
    elif has_jax_for_gpu() and shutil.which("nvidia-smi"):
        jobs, why = 1, "they share a GPU"
    else:
        jobs = max(1, min(cores, free // JOB_BYTES))
        why = f"cores: {cores}, free memory: {free / 1e9:.0f} GB, {JOB_BYTES / 1e9:.0f} GB a job"
    jobs = max(1, min(jobs, most, most_processes()))
    return Room(jobs, max(1, cores // jobs), why)
