"""A schedule on a real Prefect server: a run comes by itself, finishes, and all ends on Ctrl-C."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from pipelines.schedule import main
from tests.pipelines.conftest import Run, environment


def ended_runs(api: str) -> list[dict]:
    query = {
        "deployments": {"name": {"any_": ["scheduled"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}},
    }
    answer = httpx.post(f"{api}/flow_runs/filter", json=query, timeout=20)
    answer.raise_for_status()
    return answer.json()


@pytest.mark.slow
def test_a_scheduled_run_happens_and_finishes(repository: Path, root: Path, prefect_api: str):
    log = repository / "schedule.log"
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.schedule", "--interval-seconds", "10"],
            cwd=repository,
            env=environment(root, {"PREFECT_API_URL": prefect_api}),
            stdout=stream,
            stderr=stream,
        )
    try:
        deadline = time.monotonic() + 120
        runs: list[dict] = []
        done: list[dict] = []
        while not done and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.5)
            runs = ended_runs(prefect_api)
            done = [run for run in runs if run["state_type"] == "COMPLETED"]
        states = [(run["state_name"], run["state"]["message"]) for run in runs]
        assert done, f"{states}\n{log.read_text(encoding='utf-8')}"
        assert done[0]["auto_scheduled"]
        assert (repository / "three.txt").read_text(encoding="utf-8") == "one\ntwo\n"
        answer = httpx.post(f"{prefect_api}/deployments/filter", json={}, timeout=20)
        (deployment,) = [item for item in answer.json() if item["name"] == "scheduled"]
        assert deployment["global_concurrency_limit"]["limit"] == 1
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def test_a_wrong_cron_line_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(repository)
    for name in ("PATH", "PYTHONPATH", "PREFECT_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")
    assert main(["--cron", "every night"]) == 2
    assert "The cron line cannot be read." in capsys.readouterr().err


def test_a_schedule_needs_a_time(run: Run):
    ended = run("pipelines.schedule")
    assert ended.returncode == 2
    assert "--cron" in ended.stderr
