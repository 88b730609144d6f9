#!/bin/bash
# One training on the GPUs of several nodes, with JAX (docs/devices.md):
#
#   sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 examples/slurm/train.sh \
#     --data /share/fer2013.npz --batch-size 64 --out /share/runs/mine
#
# Everything after train.sh goes to `fer-train --devices all`; a task is a GPU. Data, --out and a Python
# environment with '.[train-gpu,edge-headless]' have to be under the same paths on all nodes. Submit
# it from that environment: sbatch hands its PATH on. After a failure submit it again with --resume,
# without --data and --batch-size.
#
#SBATCH --job-name=fer-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=02:00:00
#SBATCH --output=fer-train-%j.log
set -euo pipefail

srun --kill-on-bad-exit=1 fer-train "$@" --devices all
