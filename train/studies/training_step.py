"""One pass of training over a batch, captured as a CUDA graph where there is a GPU.

Small networks would otherwise wait for the launches of their kernels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

WARM_UP = 3
"""Steps run before a graph is captured, in which cuDNN chooses its kernels."""


class Step:
    """A forward and backward pass over batches of one size; leaves gradients and the loss."""

    def __init__(self, net: nn.Module, batch: int, classes: int, capture: bool) -> None:
        self.net, device = net, next(net.parameters()).device
        self.pictures = torch.zeros(batch, 48, 48, device=device)
        self.targets = torch.full((batch, classes), 1 / classes, device=device)
        self.loss = torch.zeros((), device=device)
        self.graph: torch.cuda.CUDAGraph | None = None
        if capture:
            self._capture()

    def __call__(self, pictures: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of a batch; the gradients stand in the parameters."""
        self.pictures.copy_(pictures)
        self.targets.copy_(targets)
        if self.graph is None:
            self.net.zero_grad(set_to_none=True)
            self._pass()
        else:
            self.graph.replay()
        return self.loss

    def _pass(self) -> None:
        kind = self.pictures.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda", cache_enabled=False):
            logits = self.net(self.pictures)
        self.loss = functional.cross_entropy(logits.float(), self.targets)
        self.loss.backward()

    def _capture(self) -> None:
        self.pictures.uniform_(0, 255)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.net.zero_grad(set_to_none=True)
                self._pass()
        torch.cuda.current_stream().wait_stream(side)
        self.net.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self._pass()


def step_of(
    net: nn.Module, batch: int, classes: int, say: Callable[[str], None]
) -> tuple[Step, bool]:
    """Return the pass over a batch, captured where there is a GPU that lets itself be captured."""
    net.train()
    if not next(net.parameters()).is_cuda:
        return Step(net, batch, classes, capture=False), False
    try:
        return Step(net, batch, classes, capture=True), True
    except RuntimeError as error:
        say(f"not captured, trains without a graph: {error}")
        torch.cuda.synchronize()
        return Step(net, batch, classes, capture=False), False
