"""Numbers that both the measurement and the reports go by, and where each comes from."""

from __future__ import annotations

ROUNDS = 5
"""In how many interleaved rounds a latency is timed, see NOISE_OF_SPREAD."""

NOISY = 1.15
"""How much slower than at its best the reference loop may be before a latency is marked.

It shows other work on the same core from an eighth of its time on: 1 / (1 - 1/8) = 1.14.
"""

NOISE_OF_SPREAD = 1.96 * 1.25 / 2.33 / ROUNDS**0.5
"""Half a 95 % interval of a latency, in spreads: the medians of five rounds lie 2.33 standard
deviations apart, and the median of all has 1.25 / sqrt(5) of one."""

UNSTEADY = 0.25
"""How far the medians of a model's rounds may lie apart, as a share, before it is marked.

The 95 % interval of the latency is then 12 % to either side (NOISE_OF_SPREAD): more than the 10 %
that `compare` tolerates.
"""

BUSY = 0.25
"""The share of the cores that other programs may take before figures are marked.

On the four cores of a Pi it is one program, which leaves a core for each of the threads measured.
"""
