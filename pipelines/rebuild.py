"""`python -m pipelines.rebuild`: run the whole graph once, as a Prefect flow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.errors import PipelineError, ServiceError
from pipelines.environment import checkout, prepare
from pipelines.graph import read_graph

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow; return 0, or the exit code of the first stage that failed."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.rebuild", description=__doc__)
    parser.add_argument(
        "--stage-timeout-seconds",
        type=float,
        default=None,
        help="end a stage that runs longer, and fail",
    )
    options = parser.parse_args(arguments)
    try:
        root = checkout()
        read_graph(root / "dvc.yaml")
        prepare(root)
        require_server()
        return _run(root, options.stage_timeout_seconds)
    except PipelineError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted. Start the same command again to go on.", file=sys.stderr)
        return 130


def require_server() -> None:
    """Raise ServiceError where PREFECT_API_URL names a server that does not answer.

    Without that variable Prefect starts a server of its own for the time of the run.
    """
    import httpx

    address = os.environ.get("PREFECT_API_URL")
    if not address:
        return
    try:
        httpx.get(f"{address.rstrip('/')}/health", timeout=10).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServiceError(
            "The Prefect server does not answer.",
            where=f"PREFECT_API_URL={address}",
            found=str(error) or type(error).__name__,
            expected="a Prefect server",
            remedy="start it, or unset PREFECT_API_URL to run without one",
        ) from error


def _run(root: Path, timeout_seconds: float | None) -> int:
    from prefect.client.orchestration import get_client

    from pipelines.flow import DEFAULT_TIMEOUT_SECONDS, rebuild
    from pipelines.summary import print_outcomes

    try:
        get_client(sync_client=True)  # without an address this starts Prefect's temporary server
    except RuntimeError as error:
        raise ServiceError(
            "Prefect's temporary server did not start.",
            where=os.environ["PREFECT_HOME"],
            found=error,
            expected="an answer on the loopback in time",
            remedy="raise PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or start a server and"
            " set PREFECT_API_URL",
        ) from error
    state: State[Any] = rebuild(
        root=str(root),
        stage_timeout_seconds=timeout_seconds or DEFAULT_TIMEOUT_SECONDS,
        return_state=True,
    )
    outcomes: object = state.result(raise_on_failure=False)
    if isinstance(outcomes, PipelineError):
        raise outcomes
    if not isinstance(outcomes, list):
        print(f"The flow ended as {state.type.value}: {state.message}", file=sys.stderr)
        return 1
    print_outcomes(outcomes, root=root)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    return failed[0].exit_code if failed else 0


if __name__ == "__main__":
    sys.exit(main())
