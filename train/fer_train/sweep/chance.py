"""What choosing among many is worth by chance alone."""

from __future__ import annotations

import numpy as np


def expected_gain(trials: int, accuracy: float, pictures: int) -> float:
    """Return how far the best of equally good networks seems above what all of them are, 0 to 1.

    Each accuracy is taken as a binomial estimate, k right answers of n pictures, of the same true
    accuracy p. The maximum K of N independent ones has P(K <= k) = F(k)^N, so that its expectation
    is the sum of 1 - F(k)^N over k from 0 to n - 1. The gain is E[K] / n - p.

    Args:
        trials: N, how many were chosen from.
        accuracy: p, 0 to 1.
        pictures: n, the validation pictures.
    """
    from scipy.stats import binom

    below = binom.cdf(np.arange(pictures), pictures, accuracy)
    return float(np.sum(1 - below**trials) / pictures - accuracy)
