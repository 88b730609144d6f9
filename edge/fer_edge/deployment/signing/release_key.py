"""The public half of the key that signs the models of a release."""

RELEASE = "release"
"""What `fer-edge models trust` calls it."""
RELEASE_KEY = "frRQtDx9WXeFNhRjw0nHBHqlqLPbnTn+jibc1ie1apQ="
