"""One Prefect task: one DVC stage, run by `dvc repro --single-item`, its lines in the log."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Failed

from pipelines.processes import CHECKOUT, ChildStoppedError, ChildTimeoutError, run_child

# Only these talk to the outside: only here can a second try end otherwise than the first.
RETRY_DELAYS_SECONDS = {"download": [10.0, 60.0], "judge": [10.0, 60.0]}
SERVICE_EXIT_CODE = 4  # llm.errors.ServiceError
TIMEOUT_EXIT_CODE = 124  # as timeout(1) says it
_EXIT_CODE = re.compile(r"exited with (-?\d+)\s*$")
_RUNS = re.compile(r"^(> |Running stage )")


@dataclass(frozen=True, kw_only=True)
class StageOutcome:
    """How one stage ended. state: ran, cached, failed or not started."""

    stage: str
    state: str
    seconds: float = 0.0
    exit_code: int = 0
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)


def reproduce(
    stage: str,
    *,
    root: Path,
    pipeline_run: str,
    timeout_seconds: float | None,
    stop: threading.Event,
    logger: logging.Logger | logging.LoggerAdapter[Any],
) -> StageOutcome:
    """Bring one stage up to date. Its upstream stages must be so already.

    Never raises for a failing stage: the outcome carries the exit code of the stage's own
    process (2, 3, 4 for what a person can mend), and its last lines as the reason.
    """
    began = time.monotonic()
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        logger.info(line)

    command = ["-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage]
    try:
        code = run_child(
            [sys.executable, *command],
            cwd=root,
            environment={"LLM_PIPELINE_RUN": pipeline_run, CHECKOUT: str(root.resolve())},
            on_line=hear,
            timeout_seconds=timeout_seconds,
            stop=stop,
        )
    except ChildTimeoutError as error:
        code = TIMEOUT_EXIT_CODE
        hear(f"{stage} {error}")
    seconds = round(time.monotonic() - began, 2)
    if code == 0:
        ran = any(_RUNS.match(line) for line in lines)
        return StageOutcome(
            stage=stage,
            state="ran" if ran else "cached",
            seconds=seconds,
            metrics=key_metrics(root / "data" / "metrics" / f"{stage}.json"),
        )
    return StageOutcome(
        stage=stage,
        state="failed",
        seconds=seconds,
        exit_code=code if code == TIMEOUT_EXIT_CODE else _stage_exit_code(lines, code),
        reason="\n".join(lines[-12:]),
    )


def _stage_exit_code(lines: list[str], dvc_code: int) -> int:
    """The code of the stage's own process, which DVC names in its last lines."""
    for line in reversed(lines):
        found = _EXIT_CODE.search(line)
        if found:
            code = int(found[1])
            return code if code >= 0 else 128 - code
    return dvc_code if dvc_code > 0 else 1


def key_metrics(path: Path, *, limit: int = 5) -> dict[str, float]:
    """The first few plain numbers of a stage's metrics file; {} where there is none."""
    if not path.is_file():
        return {}
    values = json.loads(path.read_text(encoding="utf-8"))
    numbers = {
        key: value
        for key, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return dict(list(numbers.items())[:limit])


def stage_task(stage: str, stop: threading.Event) -> Task[..., Any]:
    """The Prefect task of a stage. Its result is a StageOutcome, or a failed state that holds one.

    Prefect's own caching is off: DVC decides what is up to date.
    """

    def run(
        root: str, pipeline_run: str, timeout_seconds: float | None
    ) -> StageOutcome | State[Any]:
        try:
            outcome = reproduce(
                stage,
                root=Path(root),
                pipeline_run=pipeline_run,
                timeout_seconds=timeout_seconds,
                stop=stop,
                logger=get_run_logger(),
            )
        except ChildStoppedError:
            return Cancelled(message="the flow was stopped")
        if outcome.state == "failed":
            return Failed(message=f"exit code {outcome.exit_code}", data=outcome)
        return outcome

    delays = RETRY_DELAYS_SECONDS.get(stage, [])
    return task(
        name=stage,
        task_run_name=stage,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(delays),
        retry_delay_seconds=delays,
        retry_condition_fn=_worth_a_retry,
    )(run)


def _worth_a_retry(_task: object, _run: object, state: State[Any]) -> bool:
    return f"exit code {SERVICE_EXIT_CODE}" in (state.message or "")
