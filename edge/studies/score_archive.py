"""What `fer-edge score` costs, and whether it forgets nothing when processes are killed.

    PYTHONPATH=core:edge python3 edge/studies/score_archive.py speed --pictures 2000
    PYTHONPATH=core:edge:tests python3 edge/studies/score_archive.py kills --on ray --pictures 5000
    PYTHONPATH=core:edge:edge/studies python3 edge/studies/score_archive.py engine --on ray
    PYTHONPATH=core:edge python3 edge/studies/score_archive.py million

Linux only (/proc, taskset). `speed` and `kills` take minutes, the others one.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from score_kills import disturb, report, victims
from score_noop import Nothing, run_noop

from fer_core.opencv import cv2
from fer_edge.portrait import demo_portrait

FER_EDGE = "import sys; sys.argv[0] = 'fer-edge'; import fer_edge.start; fer_edge.start.main()"
NOOP = Path(__file__).with_name("score_noop.py")


def make_pictures(folder: Path, count: int, width: int) -> None:
    """Write so many JPEGs of the portrait, each of another place, size and noise."""
    folder.mkdir()
    chance, face = np.random.default_rng(0), demo_portrait()[20:276, 100:356]
    height = width * 3 // 4
    for index in range(count):
        side = int(chance.integers(height * 2 // 3, height))
        left, top = (int(chance.integers(0, most - side + 1)) for most in (width, height))
        picture = np.full((height, width, 3), chance.integers(60, 180), np.uint8)
        picture[top : top + side, left : left + side] = cv2.resize(face, (side, side))
        noisy = picture + chance.normal(0, 6, picture.shape)
        cv2.imwrite(str(folder / f"{index:05d}.jpg"), np.clip(noisy, 0, 255).astype(np.uint8))


def timed(command: list[str], cores: str) -> tuple[float, float, int]:
    """Return wall seconds, processor seconds and peak memory (MB) of a command and its children."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    pinned = ["taskset", "-c", cores, sys.executable, "-c", FER_EDGE, *command]
    subprocess.run(pinned, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, spent, after.ru_maxrss // 1024


def speed(work: Path, pictures: int, width: int, turns: int) -> None:
    """Compare one worker with `fer-edge PICTURES --json`, and two workers with one."""
    make_pictures(work / "in", pictures, width)
    place = str(work / "in")
    ways = {
        "fer-edge --json": ([place, "--json", str(work / "seen.jsonl"), "--quiet"], "0"),
        "score, 1 worker": (["score", place, "--on", "local:1", "--quiet"], "0"),
        "score, 2 workers": (["score", place, "--on", "local:2", "--quiet"], "0,1"),
    }
    print(f"{pictures} pictures {width} px wide, load {os.getloadavg()[0]:.1f}", flush=True)
    for turn in range(turns):
        for name, (words, cores) in ways.items():
            out = ["--out", str(work / f"{name}{turn}")] if words[0] == "score" else []
            wall, spent, _ = timed([*words, *out], cores)
            print(
                f"turn {turn}  {name:<17} {wall:7.1f} s {pictures / wall:7.1f}/s   processor "
                f"{spent:6.1f} s {pictures / spent:6.1f}/s   load {os.getloadavg()[0]:.1f}",
                flush=True,
            )


def kills(work: Path, pictures: int, width: int, on: str, seconds: float) -> None:
    """Kill workers every few seconds, the driver, a node; compare with a calm run."""
    make_pictures(work / "in", pictures, width)
    (work / "in" / "bad.jpg").write_text("no picture")
    words, total = ["score", str(work / "in"), "--piece", "50"], pictures + 1
    command = [sys.executable, "-c", FER_EDGE, *words]
    calm = [*command, "--out", str(work / "calm"), "--on", "local:2", "--quiet"]
    started, load = time.perf_counter(), os.getloadavg()[0]
    subprocess.run(calm, check=True)
    print(f"calm: {time.perf_counter() - started:.0f} s, load {load:.1f}", flush=True)
    started, load = time.perf_counter(), os.getloadavg()[0]
    with victims(on) as prey:
        pool = ["--on", "ray" if on == "ray" else "local:2"]
        killed = disturb([*command, *pool], work / "out", total, prey, seconds)
    took = time.perf_counter() - started
    print(f"killed: {dict(killed)} in {took:.0f} s, load {load:.1f} to {os.getloadavg()[0]:.1f}")
    print(report(work / "out", work / "calm", total))


def million(work: Path, sources: int) -> None:
    """Plan, kill half-way, resume and finish so many sources with a worker that does nothing."""
    names = work / "list.txt"
    with names.open("w") as lines:
        lines.writelines(f"s3://archive/photos/{index:09d}.jpg\n" for index in range(sources))
    steps = (("plan", "0"), ("until half", str(sources // 2)), ("finish", ""), ("again", ""))
    for step, until in steps:
        command = [sys.executable, str(NOOP), str(names), str(work / "out"), "local:2", until]
        started = time.perf_counter()
        process = subprocess.Popen(command)
        _, code, spent = os.wait4(process.pid, 0)
        wall, busy = time.perf_counter() - started, spent.ru_utime + spent.ru_stime
        print(
            f"{step:<11} {wall:6.1f} s, processor {busy:6.1f} s, the driver's peak "
            f"{spent.ru_maxrss // 1024} MB, exit {os.waitstatus_to_exitcode(code)}",
            flush=True,
        )
    sizes = {file: file.stat().st_size for file in (work / "out").rglob("*") if file.is_file()}
    print(f"{sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} files")


def engine(work: Path, on: str, pieces: int) -> None:
    """Say what a pool costs a piece: pieces of one source and a worker that does nothing."""
    names = work / "list.txt"
    names.write_text("".join(f"s3://archive/{index}.jpg\n" for index in range(pieces)))
    for workers in (1, 2, 4, 8):
        out, nothing = work / f"{workers}", Nothing()
        if on == "local":
            seconds = run_noop(names, out, f"local:{workers}", nothing, most=1)
        else:
            from ray.cluster_utils import Cluster

            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": workers})
            os.environ["RAY_ADDRESS"] = cluster.address
            seconds = run_noop(names, out, "ray", nothing, most=1)
            cluster.shutdown()
        rate, load = pieces / seconds, os.getloadavg()[0]
        print(f"{on}, {workers} workers: {rate:.0f} pieces/s, load {load:.1f}", flush=True)


def main() -> None:
    """Run one of the studies in a folder that is removed after it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study", choices=("speed", "kills", "million", "engine"))
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--seconds", type=float, default=6.0, help="between kills of workers")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--sources", type=int, default=1_000_000)
    parser.add_argument("--on", default="local", choices=("local", "ray"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if given.study == "speed":
            speed(work, given.pictures, given.width, given.turns)
        elif given.study == "kills":
            kills(work, given.pictures, given.width, given.on, given.seconds)
        elif given.study == "million":
            million(work, given.sources)
        else:
            engine(work, given.on, 1000)


if __name__ == "__main__":
    main()
