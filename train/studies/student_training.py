"""Students, taught by what the ensemble says of altered pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from student_networks import KerasNetwork
from study_judges import mean_probabilities
from study_run import Run
from teacher_training import Learner, Recipe, report_row, train_together
from teacher_views import altered
from torch import Tensor, nn

BANK_SHARE = 0.1
"""The share of the time left that the bank of views may take."""
RESERVE_SECONDS = 8.0
"""Kept for writing the last files."""
LEAST_EPOCHS = 200
"""Networks of later courses are dropped, from the end, until so many epochs fit."""
STUDENT = Recipe(512, learning_rate=0.4, weight_decay=3e-4, most_epochs=400, judge_every=20)


@dataclass(frozen=True, slots=True)
class Course:
    """What students learn: the ensemble has `ensemble_share` of each target.

    FER2013's label has `label_share` of the rest, the crowd what remains. A picture is seen in
    proportion to the share of its class to the power of minus `balance`. Without `blended`, no
    view is blended with another. `strength` says how strongly views are altered, `dropout` and
    `weight_decay` what else holds the network back.
    """

    ensemble_share: float = 0.7
    label_share: float = 0.7
    balance: float = 0.25
    blended: bool = True
    strength: float = 1.0
    dropout: bool = True
    weight_decay: float = STUDENT.weight_decay


COURSES = {
    "main": Course(),
    "mild": Course(strength=0.5),
    "free": Course(dropout=False, weight_decay=1e-4),
    "mild-free": Course(strength=0.5, dropout=False, weight_decay=1e-4),
    "crowd": Course(label_share=0.0),
    "ensemble": Course(ensemble_share=1.0),
    "unblended": Course(blended=False),
}


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Altered views that the ensemble judged: pictures (views, n, 48, 48) uint8, on the device.

    `answers` (views, n, classes) are the ensemble's, `labels` FER2013's, `crowd` those of FER+.
    Every second view blends each picture with another, so that the ensemble is asked about
    pictures that it did not learn (Beyer et al., 2022, arXiv 2106.05237). `classes` (n,) are the
    labels of the pictures.
    """

    pictures: Tensor
    answers: Tensor
    labels: Tensor
    crowd: Tensor
    classes: Tensor

    def epoch(self, course: Course) -> tuple[Tensor, Tensor]:
        """Return as many random views as there are pictures, half of them mirrored, and targets."""
        views, n = self.pictures.shape[:2]
        device = self.pictures.device
        view = torch.randint(views, (n,), device=device)
        if not course.blended:
            view = view // 2 * 2
        row = torch.arange(n, device=device)
        if course.balance:
            shares = self.classes.bincount()[self.classes].float() / n
            row = torch.multinomial(shares**-course.balance, n, replacement=True)
        pictures = self.pictures[view, row]
        mirrored = torch.rand(n, 1, 1, device=device) < 0.5
        pictures = torch.where(mirrored, pictures.flip(2), pictures)
        labels, crowd, answers = (
            kind[view, row].float() for kind in (self.labels, self.crowd, self.answers)
        )
        told = torch.lerp(crowd, labels, course.label_share)
        return pictures, torch.lerp(told, answers, course.ensemble_share)


def fill_bank(run: Run, nets: list[nn.Module], most_views: int, strength: float = 1.0) -> Bank:
    """Return as many judged views as fit into their share of the time, at least two."""
    ends = run.clock.left() * (1 - BANK_SHARE)
    told = torch.stack([run.training_set.targets(1.0), run.training_set.targets(0.0)], 1)
    views: list[tuple[Tensor, Tensor, Tensor]] = []
    while len(views) < most_views and (len(views) < 2 or run.clock.left() > ends):
        training_set, targets = run.training_set, told
        pictures = altered(training_set.pictures, training_set.generator, strength)
        if len(views) % 2:
            other = torch.randperm(len(told), device=run.device)
            share = torch.rand(len(told), 1, 1, device=run.device)
            blend = torch.lerp(pictures[other].float(), pictures.float(), share)
            pictures = blend.round().to(torch.uint8)
            targets = torch.lerp(told[other], told, share)
        answers = mean_probabilities(nets, pictures)
        views.append((pictures, answers.half(), targets.half()))
    run.say(f"{len(views)} views judged")
    run.report.setdefault("bank_views", {})[f"strength {strength:g}"] = len(views)
    run.part_done("bank")
    pictures, answers, targets = (torch.stack(kind) for kind in zip(*views, strict=True))
    classes = run.training_set.targets(1.0).argmax(1)
    return Bank(pictures, answers, targets[:, :, 0], targets[:, :, 1], classes)


def train_students(
    run: Run,
    networks: dict[str, Any],
    banks: dict[float, Bank],
    recipe: Recipe,
    courses: list[str],
) -> None:
    """Train the networks in each course together in the time left; write weights as they go.

    `banks` holds the views of each strength that a course asks for.
    For want of time, those of later courses are dropped, from the end.
    """
    learners = []
    for course_name in courses:
        course = COURSES[course_name]
        for name, network in networks.items():
            net = KerasNetwork(network).to(run.device, memory_format=torch.channels_last)
            if not course.dropout:
                _without_dropout(net)
            learner = Learner(
                f"{name} {course_name}",
                net,
                replace(recipe, weight_decay=course.weight_decay),
                lambda course=course: banks[course.strength].epoch(course),
                run.say,
                optional=course_name != courses[0],
            )
            learner.facts |= {"network": name, "course": course_name, **asdict(course)}
            learners.append(learner)
    seconds = run.clock.left() - RESERVE_SECONDS
    kept = train_together(
        learners, run.judges, seconds, run.say, LEAST_EPOCHS, lambda some: save_students(run, some)
    )
    for learner in kept:
        run.note("students", report_row(learner, len(kept)))
    run.part_done("students")


def _without_dropout(net: nn.Module) -> None:
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0


def save_students(run: Run, learners: list[Learner]) -> None:
    """Write students-COURSE.npz with the weights of each network."""
    courses: dict[str, dict[str, Any]] = {}
    for learner in learners:
        course, name = learner.facts["course"], learner.facts["network"]
        weights = learner.average.net.keras_weights()
        held = courses.setdefault(course, {})
        held.update({f"{name}/{key}": weight for key, weight in weights.items()})
    for course, weights in courses.items():
        np.savez(run.out / f"students-{course}.npz", **weights)
