"""What stands in for fer-train and fer-convert where a test of the studio needs no TensorFlow.

It imports nothing but the standard library: tests start it often.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

BUNDLE = Path(__file__).parents[1] / "edge" / "fer_edge" / "models" / "fer-nano-int8.tflite"
ROW = "loss,accuracy,val_loss,val_accuracy,seconds"


def main() -> None:
    """Do what $STUDIO_STUB says: end well, fail, crash, or go on for long with a child."""
    wish = os.environ["STUDIO_STUB"]
    if "--int8" in sys.argv:
        run = Path(sys.argv[1])
        bundle = run / f"{run.name}-int8.tflite"
        bundle.write_bytes(BUNDLE.read_bytes())
        return
    run = Path(sys.argv[sys.argv.index("--out") + 1])
    assert Path(sys.argv[sys.argv.index("--data") + 1]).is_file()
    if wish == "fails":
        sys.exit("studio-stub: the loss is nan\nsee docs/troubleshooting.md#loss-diverges")
    if wish == "crashes":
        raise ValueError("a fault of ours")
    for epoch in (1, 2):
        rows = [f"{number},0.5,0.6,0.7,0.8,2.0" for number in range(1, epoch + 1)]
        (run / "history.csv").write_text("\n".join([f"epoch,{ROW}", *rows]) + "\n")
        (run / "mistakes.png").write_bytes(b"faces")
        print(f"epoch   {epoch}/4  loss 0.5", file=sys.stderr, flush=True)
    if wish == "goes on":
        child = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 60; sleep 60"])
        (run / "pids").write_text(f"{os.getpid()} {child.pid}")
        time.sleep(60)
