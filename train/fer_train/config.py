"""Every knob of a training run, in one place."""

from __future__ import annotations

from dataclasses import dataclass

OPTIMIZERS = ("sgd", "adam")
_RANGES = (
    ("epochs batch_size", 1, 100_000),
    ("learning_rate weight_decay mixup", 0, 10),
    ("flip erasing ema_decay teacher_weight shift brightness contrast", 0, 1),
    ("zoom label_smoothing", 0, 0.9),
    ("rotation", 0, 180),
    ("shear", 0, 60),
    ("warmup_epochs patience", 0, 100_000),
    ("seed", 0, 2**32 - 1),
)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of `fer-train`, read from TOML and the command line, saved with the run.

    `data` is a path, empty for FER2013's usual place; `skip_bad` leaves its bad rows out. Paths in
    a TOML file are relative to its folder.
    `patience` is how many epochs without gain end the run (0: none), `ema_decay` a factor a step
    of the averaged weights (0: no averaging). `teacher` is a file of soft labels and
    `teacher_weight` its share of the target.

    Augmentation: shifts and zooms are fractions of the picture, rotations and shears degrees,
    brightness and contrast fractions of the gray range; each picture draws uniformly from minus
    to plus the value. `flip` and `erasing` are probabilities, `mixup` is the alpha of Zhang et
    al. (2018), 0 for none.
    """

    arch: str = "fer-nano"
    data: str = ""
    skip_bad: bool = False
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
        for names, low, high in _RANGES:
            for name in names.split():
                value = getattr(self, name)
                if not low <= value <= high:
                    raise ValueError(f"{name} must lie in {low:g} to {high:g}, got {value:g}")
