"""Training one network against a clock, with soft targets."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from teacher_networks import multiplications
from torch import Tensor, nn
from training_step import Step, step_of

AVERAGE_EVERY = 4
"""Steps between two updates of the averaged weights."""
ASSUMED_FLOPS = 250e12
"""Operations a second that the estimate of an H100 or H200 assumes: a third of its bf16 peak."""
JUDGED_AT_ONCE = 1024

Epoch = Callable[[int], tuple[Tensor, Tensor]]
"""From the number of the epoch to its pictures (n, 48, 48) uint8 and targets (n, classes)."""


class Clock:
    """Seconds left of a run."""

    def __init__(self, minutes: float) -> None:
        self.started = time.monotonic()
        self.ends = self.started + 60 * minutes

    def left(self) -> float:
        """Return the seconds left."""
        return self.ends - time.monotonic()

    def run(self) -> float:
        """Return the seconds since the start."""
        return round(time.monotonic() - self.started, 1)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained: SGD with Nesterov's momentum, a cosine, averaged weights."""

    batch: int = 256
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    ema_decay: float = 0.998
    most_epochs: int = 100
    warm_up_epochs: int = 3
    judge_every: int = 5


@dataclass(slots=True)
class Record:
    """What a training gave, for the report."""

    name: str
    recipe: dict[str, Any]
    parameters: int
    multiplications: int
    captured: bool
    estimated_epoch_seconds: float
    epoch_seconds: float = 0.0
    preparing_seconds: float = 0.0
    seconds: float = 0.0
    epochs: int = 0
    public_accuracy: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Pictures (n, 48, 48) uint8 with labels (n,), on the device."""

    pictures: Tensor
    labels: Tensor

    def accuracy(self, probabilities: Tensor) -> float:
        """Return the share of the pictures whose likeliest class is the label."""
        return float((probabilities.argmax(1) == self.labels).float().mean())


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


@torch.no_grad()
def probabilities(net: nn.Module, pictures: Tensor, mirrored: bool = False) -> Tensor:
    """Return (n, classes) float32; `mirrored` averages with the answers to mirrored pictures."""
    kind = pictures.device.type
    net.eval()
    answers = []
    for batch in pictures.split(JUDGED_AT_ONCE):
        # Trying cuDNN's kernels for each size of a last batch takes longer than the answers.
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=False),
            torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"),
        ):
            said = net(batch).float().softmax(1)
            if mirrored:
                said = (said + net(batch.flip(2)).float().softmax(1)) / 2
        answers.append(said)
    return torch.cat(answers)


def make_optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimizer; biases and the scales of normalisation do not decay."""
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


def train(
    name: str,
    net: nn.Module,
    recipe: Recipe,
    epoch: Epoch,
    judge: Judge,
    seconds: float,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
) -> tuple[nn.Module, Record]:
    """Train for about `seconds`; return the averaged network and what it took.

    The first epoch tells how many fit, `most_epochs` at most; an epoch that would begin after
    1.1 times the `seconds` does not. Raises ValueError for fewer pictures than a batch has.
    """
    begun = now()
    lesson = epoch(0)
    if len(lesson[0]) < recipe.batch:
        raise ValueError(f"{len(lesson[0])} pictures fill no batch of {recipe.batch}")
    record = _open_record(name, net, recipe, len(lesson[0]))
    step, record.captured = step_of(net, recipe.batch, lesson[1].shape[1], say)
    optimizer, average = make_optimizer(net, recipe), Average(net, recipe.ema_decay)
    _wait(judge.pictures)
    record.preparing_seconds = round(now() - begun, 1)
    epochs, done = recipe.most_epochs, 0
    while done < epochs:
        started = now()
        lesson = epoch(done)
        loss = _train_epoch(step, optimizer, average, recipe, lesson, done, epochs)
        _wait(judge.pictures)
        spent = now() - started
        done += 1
        if done == 1:
            record.epoch_seconds = round(spent, 3)
            fitting = (seconds - record.preparing_seconds) / (1.03 * spent)
            epochs = max(1, min(recipe.most_epochs, int(fitting)))
        if now() - begun > 1.1 * seconds:
            epochs = done
        row = {"epoch": done, "loss": round(loss, 4), "seconds": round(spent, 3)}
        if done % recipe.judge_every == 0 or done == epochs:
            answers = probabilities(average.net, judge.pictures, mirrored=True)
            row["public_accuracy"] = record.public_accuracy = round(judge.accuracy(answers), 4)
            accuracy = f"PublicTest {record.public_accuracy:.2%}"
            say(f"{name} epoch {done}/{epochs} loss {loss:.3f} {accuracy}")
        record.curve.append(row)
    record.epochs, record.seconds = done, round(now() - begun, 1)
    return average.net, record


def _open_record(name: str, net: nn.Module, recipe: Recipe, pictures: int) -> Record:
    macs = multiplications(net)
    estimate = 6 * macs * pictures / ASSUMED_FLOPS
    count = sum(p.numel() for p in net.parameters())
    return Record(name, asdict(recipe), count, macs, False, round(estimate, 3))


def _train_epoch(
    step: Step,
    optimizer: torch.optim.Optimizer,
    average: Average,
    recipe: Recipe,
    lesson: tuple[Tensor, Tensor],
    done: int,
    epochs: int,
) -> float:
    """Train one epoch; return the mean loss. An incomplete last batch is skipped."""
    pictures, targets = lesson
    step.net.train()
    order = torch.randperm(len(pictures), device=pictures.device)
    batches = order[: len(order) // recipe.batch * recipe.batch].view(-1, recipe.batch)
    losses = torch.zeros((), device=pictures.device)
    warm_up = min(recipe.warm_up_epochs, 0.2 * epochs) / epochs
    for index, chosen in enumerate(batches):
        progress = (done + (index + 1) / len(batches)) / epochs
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rate_share(progress, warm_up)
        losses += step(pictures[chosen], targets[chosen]).detach()
        optimizer.step()
        if index % AVERAGE_EVERY == 0:
            average.update()
    return float(losses / len(batches))


def _wait(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize()
