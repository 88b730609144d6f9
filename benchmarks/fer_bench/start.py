"""Entry point of fer-bench."""

from fer_core.entry import start


def main() -> None:
    """Run the command."""
    start("fer_bench.cli")
