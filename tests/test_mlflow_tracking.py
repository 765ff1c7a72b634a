"""MLflow tracking on a real SQLite store: what a stage tells is found there, and never stops it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llm.config import Section
from llm.lineage import dvc_hash
from llm.mlflow_tracking import connect, flatten, open_tracker, tracking_uri
from llm.tracking import Tracker


class Inner(Section):
    rate: float = 0.5


class Config(Section):
    inner: Inner = Inner()
    names: list[str] = ["a"]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated MLflow database with nothing in it; making one takes seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Path:
    """A folder with a space in its name, as the working folder of a stage."""
    folder = tmp_path / "a new folder"
    (folder / "data" / "mlflow").mkdir(parents=True)
    shutil.copy(empty_database, folder / "data" / "mlflow" / "mlflow.db")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LLM_TRACKING", "on")
    monkeypatch.setenv("LLM_PIPELINE_RUN", "run-1")
    return folder


def runs(place: Path) -> dict:
    client, experiment = connect(place)
    return {run.info.run_name: run for run in client.search_runs([experiment])}


def test_a_stage_is_a_run_under_its_pipeline_run(place: Path):
    weights = place / "data" / "models" / "pretrained"
    weights.mkdir(parents=True)
    (weights / "model.safetensors").write_bytes(b"weights")
    with open_tracker(stage="pretrain", config=Config()) as tracker:
        for step in range(250):
            tracker.log_metrics({"train_loss": 1.0 / (step + 1)}, step=step)
        tracker.log_timings({"tokens_per_second": 10.0})
        tracker.log_text("Once upon", "samples/step-0100.txt")
        tracker.log_artifact(weights / "model.safetensors")
        tracker.set_tags({"note": "x"})
        tracker.register_model("gpt", weights)
    with open_tracker(stage="answer", config=Config()):
        pass
    assert tracker.timings == {"tokens_per_second": 10.0}
    found = runs(place)
    assert set(found) == {"run-1", "pretrain", "answer"}
    parent, run = found["run-1"], found["pretrain"]
    assert parent.info.status == run.info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.data.params == {"inner.rate": "0.5", "names": '["a"]'}
    assert run.data.tags["stage"] == "pretrain"
    client, _ = connect(place)
    history = client.get_metric_history(run.info.run_id, "train_loss")
    assert sorted(metric.step for metric in history) == list(range(250))
    assert run.data.metrics["timings/tokens_per_second"] == 10.0
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert names == {"samples", "model.safetensors"}
    (version,) = client.search_model_versions("name = 'gpt'")
    assert version.tags["path"] == "data/models/pretrained"
    assert version.tags["md5"] == dvc_hash(weights)
    assert version.run_id == run.info.run_id


def test_a_failing_stage_is_a_failed_run_with_its_reason(place: Path):
    with pytest.raises(RuntimeError), open_tracker(stage="clean", config=Config()):
        raise RuntimeError("no text")
    with open_tracker(stage="split", config=Config()):
        pass
    found = runs(place)
    assert found["clean"].info.status == "FAILED"
    assert found["clean"].data.tags["error"] == "RuntimeError: no text"
    assert found["run-1"].info.status == "FAILED"  # the worst of its stages
    with pytest.raises(KeyboardInterrupt), open_tracker(stage="tokenize", config=Config()):
        raise KeyboardInterrupt
    assert runs(place)["tokenize"].info.status == "KILLED"


def test_outside_a_pipeline_a_run_stands_alone(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LLM_PIPELINE_RUN")
    with open_tracker(stage="clean", config=Config()):
        pass
    assert set(runs(place)) == {"clean"}


def test_tracking_can_be_turned_off(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LLM_TRACKING", "off")
    with open_tracker(stage="clean", config=Config()) as tracker:
        tracker.log_timings({"seconds": 1.0})
    assert tracker.timings == {"seconds": 1.0}
    assert runs(place) == {}


def test_a_dead_server_costs_one_warning(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    began = time.monotonic()
    with open_tracker(stage="clean", config=Config()) as tracker:
        tracker.log_metrics({"a": 1.0})
        tracker.log_timings({"seconds": 1.0})
        tracker.register_model("gpt", place)
    assert time.monotonic() - began < 30
    assert tracker.timings == {"seconds": 1.0}
    assert capsys.readouterr().err.count("goes on untracked") == 1


def test_what_mlflow_refuses_does_not_stop_a_stage(place: Path, capsys: pytest.CaptureFixture[str]):
    with open_tracker(stage="clean", config=Config()) as tracker:
        tracker.register_model("", place)  # no model may be nameless
        tracker.log_timings({"seconds": 2.0})
    assert tracker.timings == {"seconds": 2.0}
    assert "goes on untracked" in capsys.readouterr().err


STAGE = """
import os, sys, time
from llm.config import Section
from llm.mlflow_tracking import open_tracker
with open_tracker(stage=sys.argv[1], config=Section()) as tracker:
    tracker.log_metrics({"a": 1.0})
    time.sleep(float(sys.argv[2]))
"""


def start(stage: str, root: Path, *, seconds: float = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STAGE, stage, str(seconds)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_stages_that_start_together_make_one_database_and_one_parent(place: Path, root: Path):
    (place / "data" / "mlflow" / "mlflow.db").unlink()
    stages = [f"stage-{number}" for number in range(3)]
    processes = [start(stage, root) for stage in stages]
    with ThreadPoolExecutor() as pool:
        errors = list(pool.map(lambda process: process.communicate(timeout=120)[1], processes))
    assert all(process.returncode == 0 for process in processes), errors
    assert not any("untracked" in error for error in errors), errors
    client, experiment = connect(place)
    found = client.search_runs([experiment])
    assert sorted(run.info.run_name for run in found) == ["run-1", *stages]


@pytest.mark.slow
def test_an_interrupted_stage_is_a_killed_run(place: Path, root: Path):
    with start("clean", root, seconds=60) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and "clean" not in runs(place):
                time.sleep(0.2)
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert runs(place)["clean"].info.status == "KILLED"


def test_default_address_is_inside_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/data/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    assert tracking_uri(tmp_path) == "http://server"


def test_flatten():
    assert flatten({"a": {"b": {"c": 1}}, "d": None, "e": "x"}) == {
        "a.b.c": "1",
        "d": "null",
        "e": "x",
    }


def test_the_stage_tracker_keeps_the_protocol():
    from llm.mlflow_tracking import StageTracker

    tracker: Tracker = StageTracker()
    tracker.log_metrics({"a": 1.0})


def test_the_page_opens_with_the_runs(place):
    client, experiment = connect(place)
    assert client.get_experiment(experiment).tags["mlflow.experimentKind"] == (
        "custom_model_development"
    )
