"""Whether a measured difference is above a limit, whatever floating point adds to it."""


def exceeds(difference: float, limit: float) -> bool:
    """Return whether a difference, in percentage points or percent, is above a limit.

    100 * (0.90 - 0.86) is 4.0000000000000036, but no more than 4. A difference of nan is.
    """
    return not difference <= limit + 1e-9
