"""The flow on real Prefect and real DVC: with a server, without one, failing, and interrupted."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.pipelines.conftest import Run, environment

pytestmark = pytest.mark.slow


def artifacts(api: str) -> list:
    import httpx

    answer = httpx.post(f"{api}/artifacts/filter", json={"limit": 50, "sort": "CREATED_DESC"})
    answer.raise_for_status()
    return answer.json()


def test_with_a_server(repository: Path, run: Run, prefect_api: str):
    more = {"PREFECT_API_URL": prefect_api}
    first = run("pipelines.rebuild", more=more)
    assert first.returncode == 0, first.stderr
    assert (repository / "three.txt").read_text(encoding="utf-8") == "one\ntwo\n"
    assert first.stdout.count(" ran ") == 3
    (table, *_) = [item for item in artifacts(prefect_api) if item["key"] == "stages"]
    assert '"state": "ran"' in table["data"]
    assert "lines 2" in table["data"]
    second = run("pipelines.rebuild", more=more)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count(" cached ") == 3


def test_a_failing_gate_stands_in_the_table_of_gates(repository: Path, run: Run, prefect_api: str):
    docs = "data/data_docs/raw"
    verdict = {
        "success": False,
        "results": [{"success": False, "meaning": "every file is there"}, {"success": True}],
    }
    (repository / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    (repository / "dvc.yaml").write_text(
        "stages:\n  validate_raw:\n"
        f"    cmd: mkdir -p {docs} && cp verdict.json {docs}/ && exit 3\n    outs: [raw.txt]\n"
        "  validate_splits:\n    cmd: echo\n    deps: [raw.txt]\n",
        encoding="utf-8",
    )
    ended = run("pipelines.rebuild", more={"PREFECT_API_URL": prefect_api})
    assert ended.returncode == 3, ended.stdout + ended.stderr
    (table, *_) = [item for item in artifacts(prefect_api) if item["key"] == "gates"]
    rows = {row["gate"]: row for row in json.loads(table["data"])}
    assert (rows["raw"]["state"], rows["raw"]["failed"]) == ("failed", 1)
    assert rows["raw"]["what_failed"] == "every file is there"
    assert rows["splits"]["state"] == "not reached"


def test_without_a_server(repository: Path, run: Run):
    ended = run("pipelines.rebuild")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(" ran ") == 3
    assert (repository / "data" / "prefect" / "prefect.db").exists()


def test_a_failing_stage_keeps_its_exit_code(repository: Path, run: Run, prefect_api: str):
    text = (repository / "dvc.yaml").read_text(encoding="utf-8")
    text = text.replace("echo two > two.txt", "echo no data here && exit 3")
    (repository / "dvc.yaml").write_text(text, encoding="utf-8")
    ended = run("pipelines.rebuild", more={"PREFECT_API_URL": prefect_api})
    assert ended.returncode == 3, ended.stderr
    assert "no data here" in ended.stderr
    assert "three  not started" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_dead_server_is_one_clear_error(repository: Path, run: Run):
    ended = run("pipelines.rebuild", more={"PREFECT_API_URL": "http://127.0.0.1:9/api"})
    assert ended.returncode == 4
    assert "The Prefect server does not answer." in ended.stderr
    assert "unset PREFECT_API_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_run_in_the_checkout_is_refused(repository: Path, run: Run, prefect_api: str):
    from pipelines.lock import one_run

    with one_run(repository):
        ended = run("pipelines.rebuild", more={"PREFECT_API_URL": prefect_api})
    assert ended.returncode == 4
    assert "Another pipeline run works in this checkout." in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def test_independent_stages_run_side_by_side(repository: Path, run: Run, prefect_api: str):
    text = (repository / "dvc.yaml").read_text(encoding="utf-8")
    # Each waits for the other: one after the other would never end.
    wait = "touch {0}.here && for i in $(seq 100); do [ -e {1}.here ] && break; sleep 0.2; done"
    for mine, other in (("one", "two"), ("two", "one")):
        command = f"{wait.format(mine, other)}; [ -e {other}.here ] && echo {mine} > {mine}.txt"
        text = text.replace(f"cmd: echo {mine} > {mine}.txt", f"cmd: '{command}'")
    (repository / "dvc.yaml").write_text(text, encoding="utf-8")
    ended = run("pipelines.rebuild", more={"PREFECT_API_URL": prefect_api})
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_children(
    repository: Path, root: Path, prefect_api: str, number: signal.Signals
):
    (repository / "dvc.yaml").write_text(
        "stages:\n  one:\n    cmd: echo $$ > pid && sleep 300 && true\n", encoding="utf-8"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.rebuild"],
        cwd=repository,
        env=environment(root, {"PREFECT_API_URL": prefect_api}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (repository / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    pid = int((repository / "pid").read_text(encoding="ascii"))
    process.send_signal(number)
    assert process.wait(60) in (130, -signal.SIGTERM)  # Prefect passes a terminate on
    assert not psutil.pid_exists(pid)
    left = [p for p in psutil.process_iter() if str(repository) in " ".join(_command(p))]
    assert left == []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
