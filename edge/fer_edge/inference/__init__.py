"""From a face to probabilities: the models, the runtime and what is fed to it."""

DEFAULT_MODEL = "fer-small"
