"""Altered views of pictures, made in batches on whatever device holds them.

Pictures are (n, 48, 48) uint8 gray tensors and stay so. Random views follow `fer_train.augment`
and `fer_core.distort`, with turns of up to 30 degrees, wider and narrower faces, and light from one
side; fixed views are the same in every run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 4096
"""Pictures altered at a time: what bounds the memory."""
JPEG_BLOCK = 8
JPEG_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Quantization of luminance in JPEG (ITU T.81, table K.1)."""


@dataclass(frozen=True, slots=True)
class View:
    """One fixed view: turned by `angle` degrees, shown `scale` times as large, maybe mirrored."""

    angle: float = 0.0
    scale: float = 1.0
    mirror: bool = False


FIXED_VIEWS = tuple(
    View(angle, scale, mirror)
    for mirror in (False, True)
    for angle, scale in ((0.0, 1.0), (12.0, 1.0), (-12.0, 1.0), (0.0, 0.85))
)


def fixed_view(pictures: Tensor, view: View) -> Tensor:
    """Return the pictures as a fixed view shows them."""
    n, device = len(pictures), pictures.device
    ones = torch.ones(n, device=device)
    zeros = torch.zeros(n, device=device)
    angle = ones * math.radians(view.angle)
    mirror = -ones if view.mirror else ones
    return _as_bytes(_moved(pictures.float(), angle, ones / view.scale, mirror, zeros, zeros))


def altered(pictures: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Return one random view of every picture; `strength` scales every alteration."""
    chunks = [_altered_chunk(chunk.float(), generator, strength) for chunk in pictures.split(CHUNK)]
    return torch.cat(chunks)


def _altered_chunk(batch: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    draw = _Draw(len(batch), batch.device, generator)
    turn = draw.uniform(-1, 1)
    batch = _moved(
        batch,
        turn * turn.abs() * math.radians(30 * strength),  # most are small, as heads are held
        1 + strength * draw.uniform(-0.18, 0.2),
        torch.where(draw.chance(0.5), -1.0, 1.0) * (1 + strength * draw.uniform(-0.1, 0.1)),
        strength * draw.uniform(-0.12, 0.12),
        strength * draw.uniform(-0.12, 0.12),
    )
    mean = batch.mean((1, 2), keepdim=True)
    batch = (batch - mean) * (1 + strength * draw.uniform(-0.25, 0.25, cells=True)) + mean
    batch = (batch + strength * draw.uniform(-26, 26, cells=True)).clamp(0, 255)
    others = draw.chance(0.3 * strength, cells=True)
    gamma = torch.where(others, draw.uniform(0.6, 1.6, cells=True), 1.0)
    batch = 255 * (batch / 255).pow(gamma)
    batch = _lit_from_a_side(batch, draw, share=0.25 * strength)
    batch = _poor_camera(batch, draw, share=0.25 * strength)
    return _as_bytes(_erased(batch, draw, share=0.2 * strength))


class _Draw:
    """Random numbers for each picture of a batch, (n,) or, as `cells`, (n, 1, 1)."""

    def __init__(self, n: int, device: torch.device, generator: torch.Generator) -> None:
        self.n, self.device, self.generator = n, device, generator

    def uniform(self, low: float, high: float, cells: bool = False) -> Tensor:
        drawn = torch.rand(self.n, device=self.device, generator=self.generator)
        drawn = low + (high - low) * drawn
        return drawn[:, None, None] if cells else drawn

    def chance(self, share: float, cells: bool = False) -> Tensor:
        return self.uniform(0, 1, cells) < share

    def normal(self, like: Tensor) -> Tensor:
        return torch.randn(like.shape, device=self.device, generator=self.generator)


def _moved(
    batch: Tensor, angle: Tensor, reach: Tensor, narrow: Tensor, across: Tensor, down: Tensor
) -> Tensor:
    """Return pictures turned and shifted, of which `reach` times the side is seen; edges repeat.

    `narrow` times as much of the width is seen, mirrored if it is negative. Each argument has one
    float a picture; the shifts are fractions of the side.
    """
    cos, sin = torch.cos(angle) * reach, torch.sin(angle) * reach
    rows = [
        torch.stack([cos * narrow, -sin, 2 * across], 1),
        torch.stack([sin * narrow, cos, 2 * down], 1),
    ]
    size = [len(batch), 1, *batch.shape[1:]]
    grid = functional.affine_grid(torch.stack(rows, 1), size, align_corners=False)
    moved = functional.grid_sample(batch[:, None], grid, padding_mode="border", align_corners=False)
    return moved[:, 0]


def _lit_from_a_side(batch: Tensor, draw: _Draw, share: float) -> Tensor:
    """Brighten some pictures towards one side and darken them towards the other, by up to 0.6."""
    place = torch.linspace(-1, 1, batch.shape[1], device=batch.device)
    towards = draw.uniform(-math.pi, math.pi, cells=True)
    slope = torch.cos(towards) * place[None, None, :] + torch.sin(towards) * place[None, :, None]
    strength = torch.where(draw.chance(share, cells=True), draw.uniform(0, 0.6, cells=True), 0.0)
    return (batch * (1 + strength * slope)).clamp(0, 255)


def _poor_camera(batch: Tensor, draw: _Draw, share: float) -> Tensor:
    """Give a share of the pictures the focus, noise, light, compression or size of a poor camera.

    The ranges are those of `fer_train.augment`.
    """
    side = batch.shape[1]
    kind = torch.where(draw.chance(share), draw.uniform(0, 5).long(), 5)  # 5: a good camera
    matrix = torch.eye(side, device=batch.device).expand(len(batch), side, side)
    sigma = draw.uniform(side / 120, side / 24)
    matrix = torch.where((kind == 0)[:, None, None], _blur_matrices(sigma, side), matrix)
    few = draw.uniform(0.33, 0.75).mul(side).long()
    matrix = torch.where(
        (kind == 1)[:, None, None], _coarse_matrices(side, batch.device)[few], matrix
    )
    batch = matrix @ batch @ matrix.mT
    light = torch.where(kind == 2, draw.uniform(0.15, 0.6), 1.0)
    noise = torch.where(kind == 3, draw.uniform(3, 20), 0.0)
    noise = torch.where(kind == 2, draw.uniform(1, 6), noise)
    batch = batch * light[:, None, None] + draw.normal(batch) * noise[:, None, None]
    compressed = _compressed(batch.clamp(0, 255), draw.uniform(10, 50))
    return torch.where((kind == 4)[:, None, None], compressed, batch)


def _blur_matrices(sigma: Tensor, side: int) -> Tensor:
    """Return (n, side, side): each blurs along one axis by a Gaussian of `sigma` (n,) pixels."""
    place = torch.arange(side, device=sigma.device, dtype=torch.float32)
    distance = (place[:, None] - place[None, :]) / sigma[:, None, None]
    weight = torch.exp(-distance.square() / 2)
    return weight / weight.sum(2, keepdim=True)


@lru_cache
def _coarse_matrices(side: int, device: torch.device) -> Tensor:
    """Return (side, side, side): the k-th reduces one axis to k pixels and enlarges it again."""
    matrices = [_area_matrix(few, side) @ _area_matrix(side, few) for few in range(1, side)]
    return torch.stack([torch.eye(side), *matrices]).to(device)


def _area_matrix(before: int, after: int) -> Tensor:
    """Return (after, before): each new pixel averages what it covers, as OpenCV's INTER_AREA."""
    edges = torch.arange(after + 1) * (before / after)
    old = torch.arange(before)
    ends = torch.minimum(edges[1:, None], old[None, :] + 1)
    starts = torch.maximum(edges[:-1, None], old[None, :])
    return (ends - starts).clamp(min=0) * (after / before)


def _compressed(batch: Tensor, quality: Tensor) -> Tensor:
    """Return the pictures after the rounding of a JPEG of `quality` (n,), 1 to 50."""
    cosine, table = _jpeg(batch.shape[1], batch.device)
    step = (table * (50 / quality)[:, None, None]).round().clamp(1, 255)
    rounded = (cosine @ (batch - 128) @ cosine.T / step).round() * step
    return cosine.T @ rounded @ cosine + 128


@lru_cache
def _jpeg(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the cosine transform of all blocks along one axis, and the table for each value.

    Both are (side, side).
    """
    place = torch.arange(JPEG_BLOCK, device=device, dtype=torch.float32)
    cosine = torch.cos((2 * place[None, :] + 1) * place[:, None] * math.pi / (2 * JPEG_BLOCK))
    cosine = cosine * torch.where(place == 0, math.sqrt(1 / 8), 0.5)[:, None]
    blocks = side // JPEG_BLOCK
    table = torch.tensor(JPEG_LUMINANCE, device=device, dtype=torch.float32)
    return torch.block_diag(*[cosine] * blocks), table.repeat(blocks, blocks)


def _erased(batch: Tensor, draw: _Draw, share: float) -> Tensor:
    """Fill a rectangle of 2 to 20 % of some pictures with one gray (Zhong et al., 2020)."""
    side = batch.shape[1]
    area = draw.uniform(0.02, 0.2)
    aspect = torch.exp(draw.uniform(math.log(0.4), math.log(2.5)))
    tall, wide = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    top, left = draw.uniform(0, 1) * (1 - tall), draw.uniform(0, 1) * (1 - wide)
    place = (torch.arange(side, device=batch.device) + 0.5)[None, :] / side
    in_rows = (place >= top[:, None]) & (place < (top + tall)[:, None])
    in_columns = (place >= left[:, None]) & (place < (left + wide)[:, None])
    mask = in_rows[:, :, None] & in_columns[:, None, :] & draw.chance(share, cells=True)
    return torch.where(mask, draw.uniform(0, 255, cells=True), batch)


def _as_bytes(batch: Tensor) -> Tensor:
    return batch.round().clamp(0, 255).to(torch.uint8)
