"""Every knob of a training run, in one place."""

from __future__ import annotations

from dataclasses import dataclass

OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of `fer-train`, read from TOML and the command line, saved with the run.

    `data` is a path, empty for FER2013's usual place. Shifts and zooms are fractions of the
    picture, rotations and shears degrees, brightness and contrast fractions of the gray range;
    each picture draws uniformly from minus to plus the value. `flip` and `erasing` are
    probabilities. `mixup` is the alpha of Zhang et al. (2018), `ema_decay` a factor a step
    (0 switches either off), `patience` the epochs without gain before stopping (0: never).
    `teacher` is a file of soft labels; `teacher_weight` is its share of the target, 0 to 1.
    """

    arch: str = "fer-nano"
    data: str = ""
    epochs: int = 60
    batch_size: int = 64
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    warmup_epochs: float = 1.0
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    ema_decay: float = 0.998
    patience: int = 0
    flip: float = 0.5
    shift: float = 0.08
    rotation: float = 12.0
    zoom: float = 0.12
    shear: float = 0.0
    brightness: float = 0.1
    contrast: float = 0.2
    erasing: float = 0.0
    mixup: float = 0.0
    teacher: str = ""
    teacher_weight: float = 0.5
    seed: int = 1

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {OPTIMIZERS}, got {self.optimizer!r}")
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("flip", "erasing", "label_smoothing", "ema_decay", "teacher_weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0 to 1, got {getattr(self, name)}")
        for name in ("learning_rate", "weight_decay", "mixup", "shift", "zoom", "patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
