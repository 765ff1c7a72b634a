"""`python -m pipelines.schedule`: serve the flow on a cron line or every so many seconds."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import FrameType

from llm.errors import ConfigError, PipelineError
from pipelines.environment import checkout, prepare
from pipelines.graph import read_graph
from pipelines.processes import run_child
from pipelines.rebuild import require_server
from pipelines.servers import prefect_server

DEPLOYMENT = "scheduled"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C. Uses the server of PREFECT_API_URL, or starts one of its own."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        root = checkout()
        read_graph(root / "dvc.yaml")
        prepare(root)
        _check_cron(options.cron)
        require_server()
        if os.environ.get("PREFECT_API_URL"):
            _serve(root, cron=options.cron, interval_seconds=options.interval_seconds)
        else:
            return _serve_beside_a_server(root, words)
    except PipelineError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.schedule", description=__doc__)
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--cron", help='a cron line, as "0 2 * * *" for every night at two')
    when.add_argument("--interval-seconds", type=float, help="start a run every so many seconds")
    return parser


def _check_cron(cron: str | None) -> None:
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        if cron is not None:
            CronSchedule(cron=cron)
    except ValidationError as error:
        raise ConfigError(
            "The cron line cannot be read.",
            where="--cron",
            found=repr(cron),
            expected="minute, hour, day of month, month, day of week",
            remedy='as in --cron "0 2 * * *"',
        ) from error


def _serve(root: Path, *, cron: str | None, interval_seconds: float | None) -> None:
    from prefect.client.schemas.objects import (
        ConcurrencyLimitConfig,
        ConcurrencyLimitStrategy,
    )

    from pipelines.flow import rebuild

    rebuild.serve(
        name=DEPLOYMENT,
        cron=cron,
        interval=None if interval_seconds is None else timedelta(seconds=interval_seconds),
        parameters={"root": str(root)},
        # One run per checkout; a run that would overlap the last is dropped, not queued.
        global_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        limit=1,
    )


def _serve_beside_a_server(root: Path, words: list[str]) -> int:
    """Start a server, and serve in a new process: Prefect reads its address when imported."""
    with prefect_server(root) as address:
        print(f"Prefect:  {address}", flush=True)
        return run_child(
            [sys.executable, "-m", "pipelines.schedule", *words],
            cwd=root,
            environment={"PREFECT_API_URL": f"{address}/api"},
        )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
