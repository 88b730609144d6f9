"""What a run takes over from the one that it starts from: its data, and its validation split."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict, replace

from fer_train.config import TrainConfig
from fer_train.run_facts import RunRecord


def with_data_of(
    earlier: RunRecord, config: TrainConfig, given: Mapping[str, object]
) -> TrainConfig:
    """Return settings with the data of the run that they start from.

    Where other labels are given, its votes and the classes that it left out do not count.

    Args:
        earlier: That run.
        config: The settings.
        given: Settings by name that stay; those that are None do not.
    """
    theirs = asdict(earlier.config.pictures)
    if not _same_classes(earlier, config if given.get("labels") else earlier.config):
        del theirs["votes"], theirs["without"]
    kept = {name: each for name, each in theirs.items() if given.get(name) is None}
    return replace(config, **kept)


def divided_as(earlier: RunRecord, config: TrainConfig, named: Container[str]) -> TrainConfig:
    """Return settings that keep classes and validation split of the run that they start from.

    Its other pictures taught the network. Training with rounding does not change them, nor does
    another run with the same data.

    Args:
        earlier: That run.
        config: The settings, with whole paths.
        named: The names of the settings that a settings file gives. Of these, a split seed, held
            out pictures and classes to leave out stay as they are.
    """
    theirs = earlier.config.pictures
    if not config.qat and (config.data, config.labels) != (theirs.data, theirs.labels):
        return config
    if config.data != theirs.data:  # rounding on other pictures: their classes and folds are others
        return replace(config, split_seed=theirs.seed) if config.split_seed < 0 else config
    own_seed = "split_seed" in named and config.split_seed >= 0
    own_classes = "without" in named or not _same_classes(earlier, config)
    return replace(
        config,
        split_seed=config.split_seed if own_seed else theirs.seed,
        held_out=(config.held_out if "held_out" in named else "") or theirs.held_out,
        without=config.without if own_classes else theirs.without,
    )


def _same_classes(earlier: RunRecord, config: TrainConfig) -> bool:
    """Return whether both have FER2013's own labels, or both those of FER+, which has votes."""
    return (earlier.config.labels == "fer2013") == (config.labels == "fer2013")
