"""New models on a device that runs: taken, tried for a minute, kept or taken back."""

from pathlib import Path

DEFAULT_FOLDER = Path("models")
"""The folder of models that commands take unless told another."""
