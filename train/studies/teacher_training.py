"""Training networks together against a clock, with soft targets.

They take turns on one CUDA stream: with a stream for each, an H200 was no faster and once hung.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from study_judges import Judges
from teacher_networks import multiplications
from torch import Tensor, nn
from training_step import step_of

SETTLING_EPOCHS = 4
"""The epochs after each of which the number that fits is reckoned anew."""
AVERAGE_EVERY = 4
"""Steps between two updates of the averaged weights."""

Epoch = Callable[[], tuple[Tensor, Tensor]]
"""Gives the next epoch's pictures (n, 48, 48) uint8 and targets (n, classes)."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained: SGD with Nesterov's momentum, a cosine, averaged weights."""

    batch: int = 256
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    ema_decay: float = 0.998
    most_epochs: int = 300
    warm_up_epochs: int = 3
    judge_every: int = 10


class Average:
    """An exponential average of a network's weights and statistics."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.net = copy.deepcopy(net).eval()
        self.decay, self.updates = decay**AVERAGE_EVERY, 0
        self._pairs = _floats(self.net), _floats(net)

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the network as it is; early updates move further."""
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(*self._pairs, 1 - keep)


def _floats(net: nn.Module) -> list[Tensor]:
    held = [*net.parameters(), *net.buffers()]
    return [tensor.detach() for tensor in held if tensor.is_floating_point()]


def make_optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer; biases and the scales of normalization do not decay."""
    weights = [p for p in net.parameters() if p.ndim > 1 and p.shape[0] > 1]
    others = [p for p in net.parameters() if p.ndim <= 1 or p.shape[0] == 1]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    fused = next(net.parameters()).is_cuda
    return torch.optim.SGD(groups, recipe.learning_rate, 0.9, nesterov=True, fused=fused)


def rate_share(progress: float, warm_up: float) -> float:
    """Return the learning rate's share of its peak: linear up, then a cosine down to zero."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 + 0.5 * math.cos(math.pi * min((progress - warm_up) / (1 - warm_up), 1.0))


class Learner:
    """A network in training, the average of its weights, and what is told of it.

    An `optional` one is dropped where time is short. Raises ValueError for fewer pictures than
    a batch has.
    """

    def __init__(
        self,
        name: str,
        net: nn.Module,
        recipe: Recipe,
        epoch: Epoch,
        say: Say,
        optional: bool = False,
    ) -> None:
        self.name, self.recipe, self.optional = name, recipe, optional
        self._epoch, self._net = epoch, net
        pictures, targets = epoch()
        if len(pictures) < recipe.batch:
            raise ValueError(f"{len(pictures)} pictures fill no batch of {recipe.batch}")
        self._step, captured = step_of(net, recipe.batch, targets.shape[1], say)
        self._optimizer = make_optimizer(net, recipe)
        self.average = Average(net, recipe.ema_decay)
        self.loss = torch.zeros((), device=pictures.device)
        self.curve: list[dict[str, float]] = []
        self.facts = {
            "name": name,
            "recipe": asdict(recipe),
            "parameters": sum(p.numel() for p in net.parameters()),
            "multiplications": multiplications(net),
            "captured": captured,
        }

    def steps(self, done: int, epochs: int) -> Iterator[None]:
        """Train epoch `done` of `epochs`, a batch at a time; an incomplete last one is skipped."""
        recipe = self.recipe
        pictures, targets = self._epoch()
        self._net.train()
        order = torch.randperm(len(pictures), device=pictures.device)
        batches = order[: len(order) // recipe.batch * recipe.batch].view(-1, recipe.batch)
        losses = torch.zeros((), device=pictures.device)
        warm_up = min(recipe.warm_up_epochs, 0.2 * epochs) / epochs
        for index, chosen in enumerate(batches):
            progress = (done + (index + 1) / len(batches)) / epochs
            for group in self._optimizer.param_groups:
                group["lr"] = recipe.learning_rate * rate_share(progress, warm_up)
            losses += self._step(pictures[chosen], targets[chosen]).detach()
            self._optimizer.step()
            if index % AVERAGE_EVERY == 0:
                self.average.update()
            yield
        self.loss = losses / len(batches)


def train_together(
    learners: list[Learner],
    judges: Judges,
    seconds: float,
    say: Say,
    least_epochs: int = 1,
    judged: Callable[[list[Learner]], None] = lambda _: None,
    now: Callable[[], float] = time.monotonic,
) -> list[Learner]:
    """Train for about `seconds`, all for the same number of epochs; return those kept to the end.

    The first epochs tell how many fit. While fewer than `least_epochs` do, the last optional
    network is dropped. No epoch begins after 1.1 times the `seconds`. `judged` is called after
    each judging.
    """
    begun, learners = now(), list(learners)
    recipe = learners[0].recipe
    epochs, done, measured = recipe.most_epochs, 0, False
    while done < epochs:
        started = now()
        _one_epoch(learners, done, epochs)
        spent = now() - started
        done += 1
        if not measured or done <= SETTLING_EPOCHS:
            fitting = done + int((seconds - (now() - begun)) / (1.03 * spent))
            epochs = max(done, min(recipe.most_epochs, fitting))
            spare = [learner for learner in learners if learner.optional]
            measured = epochs >= min(least_epochs, recipe.most_epochs) or not spare
            if not measured:
                say(f"{epochs} epochs fit: {spare[-1].name} is dropped")
                learners.remove(spare[-1])
                epochs = max(epochs, done + 1)  # measure anew without it
        if now() - begun > 1.1 * seconds:
            epochs = done
        if done % recipe.judge_every == 0 or done == epochs:
            _judge(learners, judges, done, epochs, spent, say)
            judged(learners)
    return learners


def _one_epoch(learners: list[Learner], done: int, epochs: int) -> None:
    """Let each network train a batch in turn until all have had the epoch."""
    at_work = [(learner, learner.steps(done, epochs)) for learner in learners]
    while at_work:
        going_on = []
        for learner, steps in at_work:
            if next(steps, steps) is not steps:
                going_on.append((learner, steps))
        at_work = going_on
    if learners[0].loss.is_cuda:
        torch.cuda.synchronize()


def _judge(
    learners: list[Learner], judges: Judges, done: int, epochs: int, spent: float, say: Say
) -> None:
    for learner in learners:
        loss, verdict = float(learner.loss), judges.verdict(learner.average.net)
        row = {"epoch": done, "loss": round(loss, 4), "seconds_together": round(spent, 3)}
        learner.curve.append(row | verdict)
        told = ", ".join(f"{name} {share:.2%}" for name, share in verdict.items())
        say(f"{learner.name} epoch {done}/{epochs} loss {loss:.3f} {told}")


def report_row(learner: Learner, together: int) -> dict[str, Any]:
    """Return what a report says of a trained network."""
    last = learner.curve[-1]
    results = {name: last[name] for name in last if name not in ("loss", "seconds_together")}
    return learner.facts | {"together": together} | results | {"curve": learner.curve}
