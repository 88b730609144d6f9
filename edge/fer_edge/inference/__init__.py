"""From a face to probabilities: the models, the runtime and what is fed to it."""

DEFAULT_MODEL = "fer-small"
RATE_HZ = 10.0
"""How often a second each face of a stream is classified, unless told otherwise."""
