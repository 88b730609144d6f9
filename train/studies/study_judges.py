"""What networks are judged on: PublicTest, and sets from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

JUDGED_AT_ONCE = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Pictures (n, 48, 48) uint8 with labels (n,), on the device."""

    pictures: Tensor
    labels: Tensor

    def accuracy(self, probabilities: Tensor) -> float:
        """Return the share of the pictures whose likeliest class is the label."""
        return float((probabilities.argmax(1) == self.labels).float().mean())

    def balanced(self, probabilities: Tensor) -> float:
        """Return the mean recall of the classes that are present."""
        right = (probabilities.argmax(1) == self.labels).float()
        return float(
            torch.stack([right[self.labels == c].mean() for c in self.labels.unique()]).mean()
        )


@dataclass(frozen=True, slots=True, eq=False)
class Judges:
    """PublicTest, and sets from elsewhere by name."""

    public: Judge
    elsewhere: dict[str, Judge] = field(default_factory=dict)

    def verdict(self, net: nn.Module) -> dict[str, float]:
        """Return the accuracy on PublicTest and the balanced ones elsewhere, with mirror images."""
        return self.of(lambda pictures: probabilities(net, pictures, mirrored=True))

    def of(self, answers: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Return the same for whatever answers for pictures."""
        found = {"public_accuracy": round(self.public.accuracy(answers(self.public.pictures)), 4)}
        for name, judge in self.elsewhere.items():
            found[name] = round(judge.balanced(answers(judge.pictures)), 4)
        return found


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


def mean_probabilities(
    nets: Iterable[nn.Module], pictures: Tensor, mirrored: bool = False
) -> Tensor:
    """Return the mean of what several networks say, see `probabilities`."""
    return torch.stack([probabilities(net, pictures, mirrored) for net in nets]).mean(0)
