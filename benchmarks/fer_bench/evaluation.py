"""What is stored of how often a model is right."""

from __future__ import annotations

from dataclasses import dataclass, field

from fer_bench.quantities import Change, Count, Name, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """Precision, recall and F1 of one class, and how many test pictures it has."""

    precision: Share
    recall: Share
    f1: Share
    support: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """The answers of like confidence: its mean, the share that is right, how many."""

    confidence: Share
    accuracy: Share
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often a model gives the answer that is held for right, and on how many pictures."""

    count: Count
    share: Share
    interval95: tuple[Share, Share]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How often a model agrees with the majority of FER+'s voters on test pictures of FER2013.

    `eight` has every picture with a majority for one of FER+'s eight classes, `seven` those of
    them that are not called contempt, which FER2013 does not have. `mild` has those of `seven`
    with an expression that at least a fifth of the voters called neutral.
    """

    eight: Agreement
    seven: Agreement
    mild: Agreement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How often a model is right on the test split, single crop unless it says otherwise.

    `ece` is the expected calibration error. Rows of `confusion` are the truth.
    `accuracy_without_duplicates` leaves out pictures that the training split holds too,
    `accuracy_test_time_augmentation` is that of the mean over ten crops, `robustness` an accuracy
    for each distortion.
    """

    count: Count
    accuracy: Share
    accuracy_interval95: tuple[Share, Share]
    macro_f1: Share
    ece: Share
    per_class: dict[Name, ClassMetrics]
    confusion: tuple[tuple[Count, ...], ...]
    accuracy_without_duplicates: Share | None = None
    accuracy_test_time_augmentation: Share | None = None
    reliability: tuple[ReliabilityBin, ...] = ()
    robustness: dict[Name, Share] = field(default_factory=dict)
    crowd: Crowd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """The accuracy against the float32 parent's on the same pictures, paired.

    `mcnemar_p` is how likely so uneven a change is when neither is better (McNemar's exact test).
    """

    accuracy_change: Change
    accuracy_change_interval95: tuple[Change, Change]
    mcnemar_p: Share | None = None
