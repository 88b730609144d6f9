"""examples/slurm/score.sh says why it ends, with stand-ins for Slurm and Ray."""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "slurm" / "score.sh"
STAND_INS = {"scontrol": "echo n1; echo n2", "srun": "", "ray": "exit 1", "timeout": "exit 124"}


def test_a_job_whose_ray_does_not_start_says_so(tmp_path: Path) -> None:
    for name, text in {**STAND_INS, "fer-edge": "touch scored"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    job = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "8"}
    done = subprocess.run(
        ["bash", str(SCRIPT), "in", "--out", "out"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", **job},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stderr == "no Ray at n1:20007: see fer-score-7-ray-0.log\n"
    assert not (tmp_path / "scored").exists()
