"""Students, taught by what the ensemble says of altered pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from student_networks import KerasNetwork
from study_run import Run
from teacher_data import STUDENTS
from teacher_training import Recipe, probabilities, train
from teacher_views import altered
from torch import Tensor, nn

BANK_SHARE = 0.15
"""The share of the time left that the bank of views may take."""
RESERVE_SECONDS = 8.0
"""Kept for writing the last files."""
STUDENT = Recipe(512, learning_rate=0.4, weight_decay=3e-4, most_epochs=400, judge_every=20)
ENSEMBLE_SHARE = 0.75
"""The ensemble's share of a student's targets; label and crowd have the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Altered views that the ensemble judged: pictures (views, n, 48, 48) uint8, on the device.

    `answers` (views, n, classes) are the ensemble's, `labelled` those of label and crowd. Every
    second view blends each picture with another, so that the ensemble is asked about pictures
    that it did not learn (Beyer et al., 2022, arXiv 2106.05237).
    """

    pictures: Tensor
    answers: Tensor
    labelled: Tensor

    def epoch(self) -> tuple[Tensor, Tensor]:
        """Return a random view of every picture, half of them mirrored, with its targets."""
        views, n = self.pictures.shape[:2]
        device = self.pictures.device
        view, row = torch.randint(views, (n,), device=device), torch.arange(n, device=device)
        pictures = self.pictures[view, row]
        mirrored = torch.rand(n, 1, 1, device=device) < 0.5
        pictures = torch.where(mirrored, pictures.flip(2), pictures)
        answers = self.answers[view, row].float()
        labelled = self.labelled[view, row].float()
        return pictures, torch.lerp(labelled, answers, ENSEMBLE_SHARE)


def fill_bank(run: Run, nets: list[nn.Module], most_views: int) -> Bank:
    """Return as many judged views as fit into their share of the time, at least two."""
    ends = run.clock.left() * (1 - BANK_SHARE)
    labelled = run.lesson.targets(0.7)
    views: list[tuple[Tensor, Tensor, Tensor]] = []
    while len(views) < most_views and (len(views) < 2 or run.clock.left() > ends):
        pictures, targets = altered(run.lesson.pictures, run.lesson.generator), labelled
        if len(views) % 2:
            other = torch.randperm(len(labelled), device=run.device)
            share = torch.rand(len(labelled), 1, device=run.device)
            blend = torch.lerp(pictures[other].float(), pictures.float(), share[:, :, None])
            pictures, targets = (
                blend.round().to(torch.uint8),
                torch.lerp(labelled[other], labelled, share),
            )
        answers = torch.stack([probabilities(net, pictures) for net in nets]).mean(0)
        views.append((pictures, answers.half(), targets.half()))
    run.say(f"{len(views)} views judged")
    run.report["bank_views"] = len(views)
    run.part_done("bank")
    return Bank(*(torch.stack(kind) for kind in zip(*views, strict=True)))


def train_students(run: Run, networks: dict[str, Any], bank: Bank, recipe: Recipe) -> None:
    """Train the students one after another, each for an equal share of the time left."""
    for index, name in enumerate(STUDENTS):
        slot = (run.clock.left() - RESERVE_SECONDS) / (len(STUDENTS) - index)
        train_student(run, name, networks[name], bank, recipe, slot)
    run.part_done("students")


def train_student(
    run: Run, name: str, network: Any, bank: Bank, recipe: Recipe, seconds: float
) -> None:
    """Train one student for about so many seconds and write its weights."""
    net = KerasNetwork(network).to(run.device, memory_format=torch.channels_last)
    net, record = train(name, net, recipe, lambda _: bank.epoch(), run.judge, seconds, run.say)
    np.savez(run.out / f"student-{name}.npz", **net.keras_weights())
    run.note("students", {"ensemble_share": ENSEMBLE_SHARE, **asdict(record)})
