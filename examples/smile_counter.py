"""Count smiles: how often someone begins to look happy.

python examples/smile_counter.py             # the first camera, until Ctrl-C
python examples/smile_counter.py clip.mp4    # or a video
"""

import contextlib
import sys

import fer_edge


class SmileCounter(fer_edge.Output):
    """Prints a line for each smile, and the number at the end."""

    smiles = 0

    def write(self, frame: fer_edge.Frame, seen: fer_edge.Analysis) -> None:
        """Count what began with this frame."""
        for event in seen.events:
            if event.label == "happy":
                self.smiles += 1
                print(f"{event.at:.1f} s: face {event.track_id} smiles", flush=True)

    def finish(self, seen: fer_edge.Analysis) -> None:
        """Say how many there were."""
        print(f"{self.smiles} smiles")


if __name__ == "__main__":
    source = sys.argv[1] if len(sys.argv) > 1 else "0"
    with contextlib.suppress(KeyboardInterrupt):
        fer_edge.ExpressionReader().run(source, SmileCounter())
