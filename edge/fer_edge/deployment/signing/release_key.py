"""The public half of the key that signs the models of a release."""

RELEASE = "release"
"""What `fer-edge models trust` calls it."""
RELEASE_KEY = "Cnat22MWCurXF4BFIzMdYF8RXT9zlZ4l6LItVpzABAs="
