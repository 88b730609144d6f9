"""Entry point of fer-train."""

from fer_core.entry import start


def main() -> None:
    """Run the command."""
    start("fer_train.cli")
