#!/bin/sh
# Starts its arguments once on every node of the Slurm job (LLM_SPREAD, see llm/launch.py).
# srun takes a single SIGINT for a question about its tasks, but passes SIGTERM on, upon which a
# training saves as well: so either becomes SIGTERM here.
set -u

srun --nodes="$SLURM_NNODES" --ntasks="$SLURM_NNODES" --ntasks-per-node=1 --kill-on-bad-exit=1 \
    "$@" &
step=$!
trap 'kill -TERM "$step"' INT TERM
wait "$step"
code=$?
while kill -0 "$step" 2>/dev/null; do # a signal ended the waiting, not the step
    wait "$step"
    code=$?
done
exit "$code"
