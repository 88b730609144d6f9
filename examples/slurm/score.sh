#!/bin/bash
# Reads an archive on all nodes of a job of Slurm, with Ray:
#
#   sbatch --nodes=8 --cpus-per-task=32 examples/slurm/score.sh /share/photos --out /share/FACES
#
# Everything after score.sh goes to `fer-edge score`. Sources, --out and a Python environment with
# '.[edge-headless,cluster]' have to be under the same paths on all nodes. Submit it from that
# environment (source /share/venv/bin/activate): sbatch hands its PATH on.
# A job that was killed, or ran out of time, goes on when it is submitted again.
#
#SBATCH --job-name=fer-score
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --no-kill
#SBATCH --exclusive
#SBATCH --output=fer-score-%j.log
set -euo pipefail

nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes%%$'\n'*}                     # the first one: this script runs there
port=$((20000 + SLURM_JOB_ID % 10000))    # one for each job
export RAY_ADDRESS="$head:$port" CPUS="$SLURM_CPUS_PER_TASK"

# Each node starts Ray. A node that fails, or comes late, does not stop the others.
srun --no-kill --cpus-per-task="$CPUS" --output="fer-score-%j-ray-%t.log" bash -c '
  if [ "$SLURM_PROCID" = 0 ]; then
    exec ray start --head --port="${RAY_ADDRESS##*:}" --num-cpus="$CPUS" --disable-usage-stats --block
  fi
  until ray health-check --address="$RAY_ADDRESS" 2> /dev/null; do sleep 2; done
  exec ray start --address="$RAY_ADDRESS" --num-cpus="$CPUS" --block' &

timeout 300 bash -c 'until ray health-check --address="$RAY_ADDRESS" 2> /dev/null; do sleep 2; done' ||
  { echo "no Ray at $RAY_ADDRESS: see fer-score-$SLURM_JOB_ID-ray-0.log" >&2; exit 1; }
fer-edge score "$@" --on ray
