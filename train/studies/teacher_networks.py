"""Teachers: large networks of different kinds, which err differently and are averaged.

Each takes (n, 48, 48) pictures with gray values 0 to 255 and gives (n, 7) logits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES = 7


class Pixels(nn.Module):
    """Open a network: gray values to (n, 1, 48, 48) in -1 to 1."""

    def forward(self, pictures: Tensor) -> Tensor:
        return (pictures[:, None].float() - 128) / 128


def conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalization."""
    weights = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(weights, nn.BatchNorm2d(after))


def conv_relu(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalization, ReLU."""
    return nn.Sequential(*conv(before, after, kernel, stride), nn.ReLU(inplace=True))


def classify(channels: int, dropout: float) -> nn.Sequential:
    """Average over the picture, dropout, one dense layer."""
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout)]
    return nn.Sequential(*pooled, nn.Linear(channels, CLASSES))


class Attention(nn.Module):
    """Weigh the channels by what the whole picture holds (squeeze and excite, Hu et al., 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, channels // 8),
            nn.ReLU(inplace=True),
            nn.Linear(channels // 8, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weigh(x.mean((2, 3)))[:, :, None, None]


def build_vgg(
    widths: tuple[int, ...] = (64, 128, 256, 512), depths: tuple[int, ...] = (2, 2, 3, 5)
) -> nn.Module:
    """12 M parameters: plain convolutions at full resolution first, pools between."""
    layers: list[nn.Module] = []
    before = 1
    for filters, depth in zip(widths, depths, strict=True):
        for _ in range(depth):
            layers.append(conv_relu(before, filters))
            before = filters
        layers += [Attention(filters), nn.MaxPool2d(2)]
    return nn.Sequential(Pixels(), *layers, classify(before, 0.5))


def build_wide_vgg() -> nn.Module:
    """12 M parameters: fewer and wider layers than `build_vgg`."""
    return build_vgg((96, 192, 320, 512), (2, 2, 3, 4))


def multiplications(net: nn.Module) -> int:
    """Return the multiplications a picture of the convolutions and dense layers."""
    counted = [0]

    def count(layer: nn.Module, _: object, out: Tensor) -> None:
        weights = layer.weight
        counted[0] += weights.numel() * (out[0, 0].numel() if out.ndim == 4 else 1)

    hooks = [
        layer.register_forward_hook(count)
        for layer in net.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    was_training = net.training
    device = next(net.parameters()).device
    with torch.no_grad():
        net.eval()(torch.zeros(1, 48, 48, device=device))
    net.train(was_training)
    for hook in hooks:
        hook.remove()
    return counted[0]
