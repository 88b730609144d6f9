"""Entry point of fer-edge."""

from fer_core.entry import start


def main() -> None:
    """Run the command."""
    start("fer_edge.cli")
