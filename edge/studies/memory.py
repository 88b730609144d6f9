"""Whether a run with several cameras, clips and a history takes ever more memory.

    python edge/studies/memory.py --cameras 3 --minutes 15

Prints once a minute, in MB: what the process holds, what of it is in use (as glibc and its large
blocks tell), and what was freed and is kept by glibc; and how many blocks Python has. At the end
glibc is asked to give back what it keeps. Linux with glibc 2.33 or newer.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from several_cameras import SIZE, clip, serve

from fer_core.opencv import cv2

SAMPLED = """
import ctypes, json, os, sys, threading, time
class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd",
        "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Heap
def sample():
    heap = libc.mallinfo2()
    with open("/proc/self/statm") as statm:
        held = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    row = {"held": held, "in_use": heap.uordblks + heap.hblkhd, "kept": heap.fordblks,
           "blocks": sys.getallocatedblocks()}
    with open("samples.jsonl", "a") as samples:
        samples.write(json.dumps(row) + "\\n")
def watch():
    while True:
        if os.path.exists("give-back"):
            os.remove("give-back")
            libc.malloc_trim(0)
        sample()
        time.sleep(5)
threading.Thread(target=watch, daemon=True).start()
sys.argv[0] = "fer-edge"
import fer_edge.start
fer_edge.start.main()
"""


def comes_and_goes() -> list[bytes]:
    """Return a clip as JPEGs: a moving face, then as long nobody."""
    empty = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    faces = clip()
    return faces + [cv2.imencode(".jpg", empty)[1].tobytes()] * len(faces)


def newest(folder: Path) -> list[str]:
    """Return the cells of the newest sample."""
    row = json.loads((folder / "samples.jsonl").read_text().splitlines()[-1])
    megabytes = [f"{row[name] / 1e6:.0f}" for name in ("held", "in_use", "kept")]
    return [*megabytes, f"{row['blocks']:,}"]


def watched(port: int, cameras: int, minutes: int, folder: Path) -> None:
    """Run for so many minutes and print a row for each."""
    words = ["--no-show", "--quiet", "--history", "seen.sqlite", "--events", "events.jsonl"]
    words += ["--clips", "clips", "--on", "happy", "--before", "1", "--after", "1"]
    for number in range(cameras):
        words += ["--camera", f"c{number}=http://127.0.0.1:{port}/{number}"]
    running = subprocess.Popen([sys.executable, "-c", SAMPLED, *words], cwd=folder)
    print("| minute | MB held | in use | freed, kept by glibc | blocks of Python |")
    print("|---:|---:|---:|---:|---:|")
    try:
        for minute in range(1, minutes + 1):
            time.sleep(60)
            print(f"| {minute} | {' | '.join(newest(folder))} |", flush=True)
        (folder / "give-back").touch()
        time.sleep(11)
        print(f"| given back | {' | '.join(newest(folder))} |")
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)
    clips = (folder / "clips" / "index.jsonl").read_text().count("\n")
    print(f"{clips} clips")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=15)
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ports = context.Queue()
    server = context.Process(target=serve, args=(comes_and_goes(), 15.0, ports), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        watched(ports.get(timeout=60), given.cameras, given.minutes, Path(folder))
    server.terminate()
    server.join(10)


if __name__ == "__main__":
    main()
