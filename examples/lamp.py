"""Light a lamp on a GPIO pin while anyone in sight shows an expression.

fer-edge --camera picamera --events - | /usr/bin/python3 examples/lamp.py --pin 17 --label happy
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable, Iterator


def lamp_states(lines: Iterable[str], label: str) -> Iterator[bool]:
    """Yield after each event whether the lamp is to be on."""
    shown, at = dict[int, str](), 0.0
    for line in lines:
        event = json.loads(line) if line[0] == "{" else sys.exit(f"no event of fer-edge: {line}")
        shown = shown if event["at"] > at - 5 else {}  # fer-edge has started again
        shown[event["track_id"]], at = event["label"], event["at"]  # of one that ended: none
        yield label in shown.values()


def main() -> None:
    """Follow the events on standard input until they end, or until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pin", type=int, default=17)
    parser.add_argument("--label", default="happy")
    arguments = parser.parse_args()
    try:
        from gpiozero import LED
    except ImportError:
        sys.exit("no gpiozero: sudo apt install python3-gpiozero, then use /usr/bin/python3")
    with LED(arguments.pin) as lamp, contextlib.suppress(KeyboardInterrupt):
        for lamp.value in lamp_states(sys.stdin, arguments.label):
            print("lamp on" if lamp.value else "lamp off", file=sys.stderr)


if __name__ == "__main__":
    main()
