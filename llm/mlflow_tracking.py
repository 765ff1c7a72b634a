"""MLflow listens to a stage: one run per stage under one parent run per pipeline run."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.config import Section
from llm.lineage import dependency_hashes, dvc_hash, git_state
from llm.runtime import place
from llm.tracking import NullTracker, Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

EXPERIMENT = "llm"
PIPELINE_TAG = "pipeline.run"
STAGE_TAG = "stage"
# MLflow's page opens an experiment of this kind with its runs, any other with its chat traces.
_KIND = ("mlflow.experimentKind", "custom_model_development")
DEPENDENCY_TAG = "dependency."
_MAXIMUM_VALUE_CHARACTERS = 5000  # MLflow refuses longer tags and parameters (5,000 and 6,000)
_BATCH = 100  # MLflow takes 100 parameters or tags, and 1,000 metrics, in one call
_FLUSH_SECONDS = 5.0


def tracking_is_on() -> bool:
    """Whether stages tell MLflow about themselves: LLM_TRACKING=off does without.

    Of several processes of one training the first one tells.
    """
    return os.environ.get("LLM_TRACKING", "on") != "off" and place().rank == 0


def tracking_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI where it is set, else an SQLite file under data/ of the checkout."""
    set_uri = os.environ.get("MLFLOW_TRACKING_URI")
    return set_uri or f"sqlite:///{root.resolve() / 'data' / 'mlflow' / 'mlflow.db'}"


def connect(root: Path) -> tuple[MlflowClient, str]:
    """A client and the id of the experiment; database and experiment are made where missing.

    Takes a file lock, so that two stages starting together make one database and not two.
    """
    from filelock import FileLock

    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # A dead server costs a stage seconds, not the two minutes of MLflow's default.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    from mlflow import MlflowClient

    uri = tracking_uri(root)
    home = root.resolve() / "data" / "mlflow"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "lock"):
        client = MlflowClient(tracking_uri=uri)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            return client, experiment.experiment_id
        # A server decides by itself where artefacts go; a bare database would say ./mlruns.
        remote = uri.startswith(("http://", "https://", "databricks"))
        place = None if remote else (home / "artifacts").as_uri()
        made = client.create_experiment(name, artifact_location=place)
        client.set_experiment_tag(made, *_KIND)
        return client, made


@contextlib.contextmanager
def open_tracker(*, stage: str, config: Section) -> Iterator[StageTracker]:
    """Yield the tracker of one stage run, and end the run: finished, failed or killed.

    Where MLflow does not answer, one warning is printed and the stage goes on untracked; its
    timings are kept all the same. `LLM_TRACKING=off` does without MLflow.
    """
    tracker = StageTracker()
    if tracking_is_on():
        tracker.start(Path.cwd(), stage, config)
    try:
        yield tracker
    except Exception as error:
        tracker.end("FAILED", error=f"{type(error).__name__}: {error}")
        raise
    except BaseException as error:
        tracker.end("KILLED", error=type(error).__name__)
        raise
    tracker.end("FINISHED")


class StageTracker:
    """Keeps the timings of a stage and hands everything it hears on, while MLflow answers."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}
        self._listener: Tracker = NullTracker()
        self._run: MlflowRun | None = None

    def start(self, root: Path, stage: str, config: Section) -> None:
        """Open the run of a stage."""

        def begin() -> None:
            self._run = MlflowRun(root, stage)
            self._listener = self._run
            self._run.log_params(config.model_dump(mode="json"))

        self._try(begin)

    def end(self, status: str, *, error: str | None = None) -> None:
        """Close the run with an MLflow status: FINISHED, FAILED or KILLED."""
        run = self._run
        if run is not None:
            self._try(lambda: run.end(status, error))
            self._run = None
            self._listener = NullTracker()

    def log_params(self, params: Mapping[str, Any]) -> None:
        self._try(lambda: self._listener.log_params(params))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        self._try(lambda: self._listener.log_metrics(metrics, step=step))

    def log_timings(self, timings: Mapping[str, float]) -> None:
        self.timings.update(timings)
        self._try(lambda: self._listener.log_timings(timings))

    def log_text(self, text: str, name: str) -> None:
        self._try(lambda: self._listener.log_text(text, name))

    def log_artifact(self, path: Path) -> None:
        self._try(lambda: self._listener.log_artifact(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self._try(lambda: self._listener.set_tags(tags))

    def register_model(self, name: str, path: Path) -> None:
        self._try(lambda: self._listener.register_model(name, path))

    def _try(self, action: Callable[[], None]) -> None:
        """Do it; on any fault of MLflow, say so once and stop listening. Never raises."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, training goes on
            self._run = None
            self._listener = NullTracker()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            print(
                f"Warning: MLflow does not answer ({reason}); this stage goes on untracked.",
                file=sys.stderr,
                flush=True,
            )


class MlflowRun:
    """One MLflow run of one stage. Metrics are sent in batches. Raises whatever MLflow raises."""

    def __init__(self, root: Path, stage: str) -> None:
        self._root = root
        self._client, experiment = connect(root)
        self._parent = find_or_start_parent(self._client, experiment, root)
        tags = {STAGE_TAG: stage, **git_state(root)}
        if self._parent is not None:
            tags["mlflow.parentRunId"] = self._parent
        for path, md5 in dependency_hashes(root, stage).items():
            tags[DEPENDENCY_TAG + path] = md5
        # dvc.lock names the same hashes; together they lead from a run to the bytes it read.
        run = self._client.create_run(experiment, run_name=stage, tags=tags)
        self.run_id: str = run.info.run_id
        self._commit = tags.get("git.commit", "")
        self._known_params: set[str] = set()
        self._metrics: list[Metric] = []
        self._flushed = time.monotonic()

    def log_params(self, params: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        fresh = {k: v for k, v in flatten(params).items() if k not in self._known_params}
        self._known_params.update(fresh)
        entities = [Param(key, value[:_MAXIMUM_VALUE_CHARACTERS]) for key, value in fresh.items()]
        for first in range(0, len(entities), _BATCH):
            self._client.log_batch(self.run_id, params=entities[first : first + _BATCH])

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._metrics += [
            Metric(name, float(value), now, step or 0) for name, value in metrics.items()
        ]
        waited = time.monotonic() - self._flushed
        if len(self._metrics) >= _BATCH or waited >= _FLUSH_SECONDS:
            self._flush()

    def log_timings(self, timings: Mapping[str, float]) -> None:
        self.log_metrics({f"timings/{name}": value for name, value in timings.items()})

    def log_text(self, text: str, name: str) -> None:
        self._client.log_text(self.run_id, text, name)

    def log_artifact(self, path: Path) -> None:
        if path.is_dir():
            self._client.log_artifacts(self.run_id, str(path), artifact_path=path.name)
        else:
            self._client.log_artifact(self.run_id, str(path))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            self._client.set_tag(self.run_id, key, str(value)[:_MAXIMUM_VALUE_CHARACTERS])

    def register_model(self, name: str, path: Path) -> None:
        """Register the weights at `path`, which DVC keeps, as a new version of model `name`.

        The source is a dvc: address, since MLflow takes a local path only within its own
        artefacts. The tags path, md5 and git.commit tell how to fetch the bytes.
        """
        from mlflow.exceptions import MlflowException

        inside = path.resolve()
        root = self._root.resolve()
        place = inside.relative_to(root).as_posix() if inside.is_relative_to(root) else str(inside)
        md5 = dvc_hash(path)
        with contextlib.suppress(MlflowException):  # RESOURCE_ALREADY_EXISTS
            self._client.create_registered_model(name)
        self._client.create_model_version(
            name,
            source=f"dvc://{md5}/{place}",
            run_id=self.run_id,
            tags={"path": place, "md5": md5, "git.commit": self._commit},
        )

    def end(self, status: str, error: str | None) -> None:
        """Send what is left and close the run; the parent takes the worst status of its stages."""
        self._flush()
        if error is not None:
            self.set_tags({"error": error})
        self._client.set_terminated(self.run_id, status=status)
        if self._parent is not None:
            before = self._client.get_run(self._parent).info.status
            worst = before if before in ("FAILED", "KILLED") else status
            self._client.set_terminated(self._parent, status=worst)

    def _flush(self) -> None:
        if self._metrics:
            self._client.log_batch(self.run_id, metrics=self._metrics)
        self._metrics = []
        self._flushed = time.monotonic()


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted names and text; lists stay whole, as JSON."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value)
    return flat


def find_or_start_parent(client: MlflowClient, experiment: str, root: Path) -> str | None:
    """The id of the run that stands for the whole pipeline run; None outside of one.

    Stages know their pipeline run by LLM_PIPELINE_RUN, or by the `dvc` process above them.
    """
    from filelock import FileLock

    name = os.environ.get("LLM_PIPELINE_RUN") or _dvc_ancestor()
    if name is None:
        return None
    with FileLock(root.resolve() / "data" / "mlflow" / "lock"):
        found = client.search_runs(
            [experiment], filter_string=f"tags.`{PIPELINE_TAG}` = '{name}'", max_results=1
        )
        if found:
            return str(found[0].info.run_id)
        tags = {PIPELINE_TAG: name, **git_state(root)}
        return str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)


def _dvc_ancestor() -> str | None:
    """A name for the nearest `dvc` process above this one, unique on this machine."""
    import psutil

    with contextlib.suppress(psutil.Error):
        for process in psutil.Process().parents():
            words = process.cmdline()[:3]
            if any(Path(word).name == "dvc" for word in words):
                return f"dvc-{process.pid}-{int(process.create_time())}"
    return None
