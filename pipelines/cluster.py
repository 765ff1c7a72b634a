"""`python -m pipelines.cluster`: deploy a flow that sends the pipeline to a Slurm cluster."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.logging import get_run_logger

from llm.errors import PipelineError, ServiceError
from pipelines.environment import checkout
from pipelines.processes import run_child
from pipelines.rebuild import require_server

POOL = "slurm"
DEPLOYMENT = "slurm"
SCRIPT = "infra/slurm/repro.sh"
CANCEL_SECONDS = 30


@flow(name="cluster", persist_result=False)
def cluster(root: str = ".", nodes: int = 1, options: list[str] | None = None) -> None:
    """Run the pipeline of the checkout at `root` as one Slurm job, and wait for its end.

    options: further words for sbatch, as --partition=gpu. Where the flow is cancelled the job is,
    too; a training then saves first. Raises ServiceError where the job fails.
    """
    submit(Path(root), nodes=nodes, options=options or [], logger=get_run_logger())


def submit(
    root: Path,
    *,
    nodes: int,
    options: Sequence[str],
    logger: logging.Logger | logging.LoggerAdapter[Any],
) -> None:
    """Submit the job, wait for it, and cancel it where the waiting is ended."""
    job: list[str] = []  # sbatch --parsable says "<job>" or "<job>;<cluster>" at once

    def hear(line: str) -> None:
        if not job and line.partition(";")[0].isdecimal():
            job.append(line.partition(";")[0])
            logger.info("Slurm job %s writes %s", job[0], root / f"slurm-{job[0]}.log")
        else:
            logger.info(line)

    command = ["sbatch", "--wait", "--parsable", f"--nodes={nodes}", *options, SCRIPT]
    try:
        code = run_child(command, cwd=root, on_line=hear)
    except FileNotFoundError as error:
        raise ServiceError(
            "There is no Slurm here.",
            where="sbatch",
            found="no such command",
            remedy="start the worker where jobs are submitted, on the cluster's login node",
        ) from error
    except BaseException:
        if job:
            subprocess.run(["scancel", *job], check=False, timeout=CANCEL_SECONDS)
        raise
    if code:
        raise ServiceError(
            "The Slurm job failed.",
            where=root / f"slurm-{job[0] if job else '*'}.log",
            found=f"exit code {code}",
            remedy="read its log; started again, the pipeline goes on where it stopped",
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the work pool and the deployment on the server of PREFECT_API_URL."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.cluster", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1, help="machines for a training")
    options, more = parser.parse_known_args(arguments)
    try:
        root = checkout().resolve()
        if not os.environ.get("PREFECT_API_URL"):
            raise ServiceError(
                "A deployment needs a Prefect server that stays.",
                where="environment variable PREFECT_API_URL",
                found="unset",
                remedy="start one with `make ui`, and export its address with /api behind it",
            )
        require_server()
        _deploy(root, nodes=options.nodes, words=more)
    except PipelineError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    print(f"On the login node:  prefect worker start --pool {POOL}")
    print(f"A run:              prefect deployment run {cluster.name}/{DEPLOYMENT}")
    return 0


def _deploy(root: Path, *, nodes: int, words: list[str]) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    with get_client(sync_client=True) as client, contextlib.suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    # Outside an event loop it is a flow, and no coroutine, as its type says it might be.
    sent: Any = cluster.from_source(source=str(root), entrypoint="pipelines/cluster.py:cluster")
    sent.deploy(
        name=DEPLOYMENT,
        work_pool_name=POOL,
        parameters={"root": str(root), "nodes": nodes, "options": words},
        concurrency_limit=1,
        print_next_steps=False,
    )


if __name__ == "__main__":
    sys.exit(main())
