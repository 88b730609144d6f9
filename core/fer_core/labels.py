"""Label sets: the order of the classes is part of the data, never of the runner."""

FER2013_LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes of FER2013 in their official order (Goodfellow et al., 2013)."""


def ordered_labels(names: set[str]) -> tuple[str, ...]:
    """Return class names in FER2013's order when they are FER2013's, else sorted.

    >>> ordered_labels({"b", "a"})
    ('a', 'b')
    """
    if names == set(FER2013_LABELS):
        return FER2013_LABELS
    return tuple(sorted(names))
