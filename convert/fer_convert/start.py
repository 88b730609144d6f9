"""Entry point of fer-convert."""

from fer_core.entry import start


def main() -> None:
    """Run the command."""
    start("fer_convert.cli")
