"""Teachers: large networks of different kinds, which err differently and are averaged.

Each takes (n, 48, 48) pictures with gray values 0 to 255 and gives (n, 7) logits. Those that work
at 96 pixels enlarge the picture themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 7


class Pixels(nn.Module):
    """Open a network: gray values to (n, 1, side, side) in -1 to 1, enlarged if asked."""

    def __init__(self, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge = enlarge

    def forward(self, pictures: Tensor) -> Tensor:
        x = (pictures[:, None].float() - 128) / 128
        if self.enlarge > 1:
            x = functional.interpolate(
                x, scale_factor=self.enlarge, mode="bilinear", align_corners=False
            )
        return x


def conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation."""
    weights = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(weights, nn.BatchNorm2d(after))


def conv_relu(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
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


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al., 2016), the channels weighed on request."""

    def __init__(self, before: int, after: int, stride: int, attention: bool) -> None:
        super().__init__()
        last: list[nn.Module] = [Attention(after)] if attention else []
        self.body = nn.Sequential(
            conv_relu(before, after, stride=stride), conv(after, after), *last
        )
        same = stride == 1 and before == after
        self.shortcut = nn.Identity() if same else conv(before, after, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.shortcut(x), inplace=True)


class Wide(nn.Module):
    """A block of Wide ResNet (Zagoruyko, Komodakis, 2016): normalised before it convolves."""

    def __init__(self, before: int, after: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU(inplace=True))
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
        )
        same = stride == 1 and before == after
        self.shortcut = None if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.body(y) + (x if self.shortcut is None else self.shortcut(y))


class ThreeWays(nn.Module):
    """3x3 convolution, 1x1 convolution and the input itself, added (RepVGG, Ding et al., 2021)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.three, self.one = conv(before, after, 3, stride), conv(before, after, 1, stride)
        same = stride == 1 and before == after
        self.itself = nn.BatchNorm2d(before) if same else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.three(x) + self.one(x)
        return functional.relu(y if self.itself is None else y + self.itself(x), inplace=True)


Block = Callable[[int, int, int], nn.Module]


def stages(
    widths: tuple[int, ...], depths: tuple[int, ...], before: int, block: Block
) -> nn.Module:
    """Return `depths` blocks of `widths`; each width but the first halves the side."""
    blocks = []
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for index in range(depth):
            blocks.append(block(before, width, 2 if stage and not index else 1))
            before = width
    return nn.Sequential(*blocks)


def build_resnet_34() -> nn.Module:
    """21 M parameters: ResNet-34 with its first stage at 24x24."""
    widths, depths = (64, 128, 256, 512), (3, 4, 6, 3)
    body = stages(widths, depths, 64, lambda *sizes: Residual(*sizes, attention=False))
    stem = (conv_relu(1, 64), conv_relu(64, 64, stride=2))
    return nn.Sequential(Pixels(), *stem, body, classify(512, 0.4))


def build_attentive_96() -> nn.Module:
    """13 M parameters at 96 pixels: residual blocks that weigh their channels."""
    widths, depths = (64, 128, 256, 512), (2, 3, 3, 2)
    body = stages(widths, depths, 64, lambda *sizes: Residual(*sizes, attention=True))
    return nn.Sequential(Pixels(2), conv_relu(1, 64, stride=2), body, classify(512, 0.4))


def build_wide() -> nn.Module:
    """17 M parameters: Wide ResNet, few blocks of many channels."""
    widths, depths = (160, 320, 640), (2, 2, 2)
    body = stages(widths, depths, 64, lambda *sizes: Wide(*sizes, dropout=0.2))
    stem = (nn.Conv2d(1, 64, 3, 2, 1, bias=False),)
    end = (nn.BatchNorm2d(640), nn.ReLU(inplace=True))
    return nn.Sequential(Pixels(), *stem, body, *end, classify(640, 0.4))


def build_repvgg() -> nn.Module:
    """13 M parameters: RepVGG, as it is while it learns."""
    body = stages((128, 256, 512), (3, 5, 4), 64, ThreeWays)
    stem = (conv_relu(1, 64), ThreeWays(64, 64, 2))
    return nn.Sequential(Pixels(), *stem, body, classify(512, 0.4))


def build_vgg() -> nn.Module:
    """12 M parameters: plain convolutions at full resolution first, pools between."""
    layers: list[nn.Module] = []
    before = 1
    for filters, depth in ((64, 2), (128, 2), (256, 3), (512, 5)):
        for _ in range(depth):
            layers.append(conv_relu(before, filters))
            before = filters
        layers += [Attention(filters), nn.MaxPool2d(2)]
    return nn.Sequential(Pixels(), *layers, classify(512, 0.5))


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
