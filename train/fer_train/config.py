"""Every setting of a training run, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from fer_core.data_settings import DataSettings

_CHOICES = {
    "optimizer": ("sgd", "adam"),
    "schedule": ("cosine", "constant", "inverse"),
    "precision": ("auto", "float32", "bfloat16"),
}
_RANGES = (
    ("epochs batch_size", 1, 100_000),
    ("learning_rate weight_decay decay mixup", 0, 10),
    ("flip erasing degrade ema_decay soft_labels_weight online_teacher_weight balance", 0, 1),
    ("init_weight", 0, 0.99),
    ("shift brightness contrast", 0, 1),
    ("zoom label_smoothing", 0, 0.9),
    ("rotation", 0, 180),
    ("shear", 0, 60),
    ("warmup_epochs patience frozen_epochs", 0, 100_000),
    ("folds", 0, 1024),
    ("seed", 0, 2**32 - 1),
    ("split_seed", -1, 2**32 - 1),
)

RENAMED = {
    "teacher": "soft_labels",
    "teacher_weight": "soft_labels_weight",
    "guide": "online_teacher",
    "guide_weight": "online_teacher_weight",
}
"""Settings that had another name in 0.1: read for one release more, with a hint."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of `fer-train`, read from TOML and the command line, saved with the run.

    Paths in a TOML file are relative to its folder; an empty one means none. For augmentation each
    picture draws uniformly from minus to plus the value.

    Attributes:
        arch: The architecture, or the first part of its name.
        data: A path, empty for FER2013's usual place.
        skip_bad: Whether bad rows of the data are left out.
        labels: "fer2013"; "ferplus" takes the majority of FER+'s eight classes in their place,
            "ferplus-votes" trains on the shares of the votes.
        votes: FER+'s fer2013new.csv, empty when it lies next to the data.
        without: Classes to leave out, such as "contempt" or "contempt, disgust".
        size: The side of the pictures in pixels (0: as the data is, but 48 for folders and for
            "rgb").
        colour: What the pictures are read as, "gray" or "rgb".
        init: A model whose weights the run starts from.
        init_weight: The share of these weights in the trained network, which keeps what they knew
            of other faces (Wortsman et al., 2022). 0: only what training made of them.
        qat: Whether it goes on with the rounding of int8 in it.
        frozen_epochs: How many of the first epochs, at most half, train the last layer alone.
        folds: Above 1, cross-validation over so many parts.
        precision: "bfloat16" is up to twice as fast on GPUs and processors that multiply it
            (AVX-512 BF16, AMX), and several times as slow on others. The weights stay float32.
            "auto" takes it where the device multiplies it (processors: with Linux and TensorFlow),
            float32 elsewhere. What it became is saved with the run.
        schedule: "cosine" falls to zero, "constant" stays, "inverse" is divided by 1 + `decay` x
            steps (what Keras 2 called `decay`; without warm-up).
        ema_decay: The factor a step of the averaged weights (0: no averaging).
        patience: How many epochs without gain end the run (0: none).
        class_weights: Whether every class counts the same in the loss.
        balance: How much less the answers lean to frequent classes once training has ended: 0 not
            at all, 1 as if all were as frequent.
        flip: A probability, as is `erasing`.
        degrade: The probability of blur, noise, darkness, JPEG or few pixels.
        shift: A fraction of the picture, as is `zoom`.
        rotation: Degrees, as is `shear`.
        brightness: A fraction of the gray range, as is `contrast`.
        mixup: The alpha of Zhang et al. (2018), 0 for none.
        soft_labels: A file of what teachers say of each picture (distillation).
        soft_labels_weight: Its share of the target.
        online_teacher: A .tflite bundle or the name of a shipped model, which judges the altered
            pictures of every batch (online distillation).
        online_teacher_weight: Its share of the target.
        split_seed: Divides off a validation split where there is none; -1 for `seed`.
        held_out: The out_of_fold.npz of a fold, whose pictures become the validation split.

    Raises:
        ValueError: A setting is none of its choices, beyond its range, or does not fit another.
    """

    arch: str = "fer-small"
    data: str = ""
    skip_bad: bool = False
    labels: str = "fer2013"
    votes: str = ""
    without: str = ""
    size: int = 0
    colour: str = "gray"
    init: str = ""
    init_weight: float = 0.0
    qat: bool = False
    epochs: int = 60
    frozen_epochs: int = 0
    folds: int = 0
    batch_size: int = 64
    precision: str = "auto"
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    schedule: str = "cosine"
    decay: float = 0.0
    warmup_epochs: float = 1.0
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    ema_decay: float = 0.998
    patience: int = 0
    class_weights: bool = False
    balance: float = 0.0
    flip: float = 0.5
    shift: float = 0.08
    rotation: float = 12.0
    zoom: float = 0.12
    shear: float = 0.0
    brightness: float = 0.1
    contrast: float = 0.2
    degrade: float = 0.0
    erasing: float = 0.0
    mixup: float = 0.0
    soft_labels: str = ""
    soft_labels_weight: float = 0.5
    online_teacher: str = ""
    online_teacher_weight: float = 0.5
    seed: int = 1
    split_seed: int = -1
    held_out: str = ""

    def __post_init__(self) -> None:
        self.pictures  # noqa: B018  # raises for settings of the data that are none
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {getattr(self, name)!r}")
        if self.qat and (self.precision == "bfloat16" or self.frozen_epochs or self.folds):
            raise ValueError(
                "qat goes with precision float32 or auto, without frozen_epochs and folds"
            )
        if self.class_weights and self.balance:
            raise ValueError("class_weights and balance do the same twice: leave one out")
        if self.qat and self.balance:
            raise ValueError("qat continues from a balanced model: leave balance out")
        if self.qat and self.init_weight:
            raise ValueError("init_weight goes with ordinary training: leave it out with qat")
        if self.folds == 1:
            raise ValueError("folds must be 0, or at least 2")
        if self.votes and self.labels == "fer2013":
            raise ValueError("votes go with labels ferplus or ferplus-votes")
        for names, low, high in _RANGES:
            for name in names.split():
                value = getattr(self, name)
                if not low <= value <= high:
                    raise ValueError(f"{name} must lie in {low} to {high}, got {value}")

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files and folders that a training reads."""
        teacher = self.online_teacher if self.online_teacher.endswith(".tflite") else ""
        named = (self.data, self.votes, self.soft_labels, self.init, teacher, self.held_out)
        return tuple(Path(each) for each in named if each)

    @property
    def pictures(self) -> DataSettings:
        """The settings that decide the pictures, their labels and their splits."""
        names = [field.name for field in fields(DataSettings)]
        given = {name: getattr(self, name) for name in names}
        return DataSettings(
            **given | {"seed": self.seed if self.split_seed < 0 else self.split_seed}
        )
