"""Guided fuzzing with Atheris: inputs that reach new branches of our code are changed further.

python tests/fuzz/guided.py                          ten seconds for each target
python tests/fuzz/guided.py http npz --runs 1000000  so many executions of each
python tests/fuzz/guided.py --keep                   adds what was found to tests/fuzz/corpus

What is found lies in build/fuzz/TARGET. An input that raises, hangs for ten seconds or takes 1 GB
lies in build/fuzz/findings: mend the fault, then copy it to tests/fuzz/findings/TARGET.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
WORK = TESTS.parent / "build" / "fuzz"
HANGS_SECONDS, MOST_MB = 10, 1024
MEMORY = Path("/dev/shm")
OURS = ("fer_core", "fer_edge", "fer_convert", "fer_bench")
PARSERS = ("zipfile", "tomllib", "http", "email", "urllib")
"""Of the standard library: what reads the input before our code does."""


def main() -> None:
    """Fuzz the targets named, each in a process of its own; end with 1 after a finding."""
    options = read_options()
    if options.inside:
        _fuzz(options.targets[0], Path(options.inside), options.libfuzzer)
        return
    from fuzz_corpus import keep, kept_corpus
    from fuzz_targets import TARGETS

    found = 0
    for name in options.targets or TARGETS:
        folder = WORK / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate([*TARGETS[name].seeds(), *kept_corpus(name)]):
            (folder / f"seed-{number}").write_bytes(content)
        found += _run(name, folder, options)
        if options.keep:
            keep(name, [file.read_bytes() for file in folder.iterdir()])
    sys.exit(1 if found else 0)


def read_options(words: list[str] | None = None) -> argparse.Namespace:
    """Return what the command line says; without `words`, that of this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=float, default=10, help="for each target, rounded up")
    parser.add_argument("--runs", type=int, default=-1, help="instead of seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)  # the folder that targets may use
    options, options.libfuzzer = parser.parse_known_args(words)
    if not 0 < options.seconds < math.inf:
        parser.error(f"--seconds must be more than 0: {options.seconds}")
    return options


def limits(options: argparse.Namespace) -> dict[str, int]:
    """Return how long libFuzzer may run. It knows whole seconds, and takes 0 as no limit."""
    seconds = 0 if options.runs > 0 else math.ceil(options.seconds)
    return {"runs": options.runs, "max_total_time": seconds}


def _run(name: str, folder: Path, options: argparse.Namespace) -> bool:
    """Fuzz one target; print how many executions there were; return whether a fault was found."""
    from fuzz_targets import TARGETS

    findings = WORK / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    flags = {
        **limits(options), "seed": options.seed, "max_len": TARGETS[name].most_bytes,
        "timeout": HANGS_SECONDS, "rss_limit_mb": MOST_MB, "len_control": 0,
        "print_final_stats": 1, "artifact_prefix": f"{findings}/{name}-",
    }  # fmt: skip
    words = [f"-{flag}={value}" for flag, value in flags.items()]
    started, used = time.monotonic(), _used_seconds()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as scratch:
        command = [sys.executable, __file__, "--inside", scratch, name, *words, str(folder)]
        same = {**os.environ, "PYTHONHASHSEED": "0"}  # the same runs with the same seed
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, env=same
        )
    executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", done.stderr)
    told = {
        "target": name,
        "executions": int(executed[1]) if executed else 0,
        "seconds": round(time.monotonic() - started),
        "cpu_seconds": round(_used_seconds() - used),
        "branches": int(covered[-1][0]) if covered else 0,
        "inputs": int(covered[-1][2]) if covered else 0,
        "load": round(os.getloadavg()[1], 1),
        "ended": done.returncode,
    }
    print(json.dumps(told), flush=True)
    if done.returncode:
        for said in (done.stderr, done.stdout):  # the traceback is on stdout
            print("\n".join(said.splitlines()[-40:]), file=sys.stderr)
    return bool(done.returncode)


def _used_seconds() -> float:
    """Return the time of the processor that ended children took."""
    used = os.times()
    return used.children_user + used.children_system


def _fuzz(name: str, scratch: Path, libfuzzer: list[str]) -> None:
    """Fuzz in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=[*OURS, *PARSERS], enable_loader_override=False):
        from fuzz_targets import TARGETS
    from mutants import change_json

    target = TARGETS[name]

    def change(data: bytes, most: int, seed: int) -> bytes:
        """Change values of JSON text two times in three, else bytes."""
        if seed % 3:
            with suppress(ValueError, RecursionError):
                value = {"root": json.loads(data)}
                change_json(value, random.Random(seed))
                return json.dumps(value["root"]).encode()[:most]
        return bytes(atheris.Mutate(data, most))

    words = [sys.argv[0], *libfuzzer]
    extra = {"custom_mutator": change} if target.is_json else {}
    atheris.Setup(words, target.make(scratch), **extra)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
