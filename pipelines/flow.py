"""The flow: every stage of dvc.yaml as one task, in the graph's order, side by side where free."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from llm.errors import PipelineError
from pipelines.artifacts import publish
from pipelines.environment import whole_number
from pipelines.graph import Stage, read_graph
from pipelines.lock import one_run
from pipelines.stage import StageOutcome, stage_task

DEFAULT_TIMEOUT_SECONDS = 24 * 3600.0


# run_graph bounds what runs at a time; the pool only has to be large enough. Prefect types the
# runner's futures as a narrower class than `flow` accepts.
_THREADS: TaskRunner[PrefectFuture[Any]] = ThreadPoolTaskRunner(max_workers=64)  # type: ignore[assignment]


@flow(
    name="rebuild",
    task_runner=_THREADS,
    persist_result=False,
    validate_parameters=True,
)
def rebuild(root: str = ".", stage_timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> State[Any]:
    """Bring every stage of the checkout at `root` up to date.

    At most LLM_WORKERS stages run at a time. A stage that DVC finds unchanged counts as cached.
    After a failure no further stage starts; those that run are waited for.
    """
    place = Path(root).resolve()
    try:
        stages = read_graph(place / "dvc.yaml")
        with one_run(place):
            outcomes = run_graph(
                stages,
                root=place,
                pipeline_run=f"prefect-{flow_run.id}",
                workers=whole_number("LLM_WORKERS", 2),
                timeout_seconds=stage_timeout_seconds,
            )
            publish(outcomes, root=place)
    except PipelineError as error:  # a state with its message, and no traceback in the log
        return Failed(message=str(error), data=error)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if failed:
        names = ", ".join(f"{outcome.stage} (exit code {outcome.exit_code})" for outcome in failed)
        return Failed(message=f"Failed: {names}", data=outcomes)
    ran = sum(outcome.state == "ran" for outcome in outcomes)
    return Completed(message=f"{ran} of {len(outcomes)} stages ran", data=outcomes)


def run_graph(
    stages: Mapping[str, Stage],
    *,
    root: Path,
    pipeline_run: str,
    workers: int,
    timeout_seconds: float | None,
) -> list[StageOutcome]:
    """Run every stage once all its upstream stages ended well; outcomes in the graph's order."""
    stop = threading.Event()
    ended: queue.Queue[str] = queue.Queue()
    running: dict[str, PrefectFuture[Any]] = {}
    outcomes: dict[str, StageOutcome] = {}
    try:
        while True:
            for name in _ready(stages, outcomes, running)[: workers - len(running)]:
                future = stage_task(name, stop).submit(str(root), pipeline_run, timeout_seconds)
                running[name] = future
                future.add_done_callback(_report(name, ended))
            if not running:
                break
            name = ended.get()
            outcomes[name] = _outcome(name, running.pop(name))
    finally:
        stop.set()  # on an interrupt: the threads end their children before the flow ends
        for future in running.values():
            future.wait(30)
    get_run_logger().info("%d of %d stages are up to date", _good(outcomes), len(stages))
    return [outcomes.get(name, StageOutcome(stage=name, state="not started")) for name in stages]


def _report(name: str, ended: queue.Queue[str]) -> Callable[[PrefectFuture[Any]], None]:
    return lambda _future: ended.put(name)


def _ready(
    stages: Mapping[str, Stage],
    outcomes: Mapping[str, StageOutcome],
    running: Mapping[str, object],
) -> list[str]:
    if any(outcome.state == "failed" for outcome in outcomes.values()):
        return []
    return [
        stage.name
        for stage in stages.values()
        if stage.name not in outcomes
        and stage.name not in running
        and all(name in outcomes for name in stage.upstream)
    ]


def _outcome(name: str, future: PrefectFuture[Any]) -> StageOutcome:
    result = future.result(raise_on_failure=False)
    if isinstance(result, StageOutcome):
        return result
    return StageOutcome(stage=name, state="failed", exit_code=1, reason=repr(result))


def _good(outcomes: Mapping[str, StageOutcome]) -> int:
    return sum(outcome.state in ("ran", "cached") for outcome in outcomes.values())
