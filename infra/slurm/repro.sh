#!/bin/bash
#SBATCH --job-name=llm
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --signal=B:INT@120
#SBATCH --output=slurm-%j.log
# `dvc repro` on the nodes of one Slurm job: data stages run on the first node, every training on
# all of them. Submit it from the checkout, which all nodes must see under the same path:
#     sbatch --nodes=4 infra/slurm/repro.sh
# Two minutes before its time is over a training saves; submitted again, it goes on from there.
# Arguments go to `dvc repro`. Partition, account and time are your site's: give them to sbatch.
set -eu

cd "${SLURM_SUBMIT_DIR:?submit this with sbatch}"
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export LLM_NODES="$SLURM_NNODES"
export LLM_NPROC="${LLM_NPROC:-${SLURM_GPUS_ON_NODE:-1}}"
export LLM_RENDEZVOUS="$first:${LLM_PORT:-29500}"
export LLM_SPREAD="sh infra/slurm/spread.sh"
exec .venv/bin/python -m pipelines.repro "$@"
