"""The way to Slurm: a process work pool runs the deployment; sbatch and srun stand in for Slurm."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from llm.errors import ServiceError
from pipelines.cluster import submit
from tests.pipelines.conftest import Run, environment

# As sbatch --wait --parsable: the job's number, then silence until its end, with its exit code.
SBATCH = """\
#!/bin/sh
echo "$@" >> sbatch.txt
echo 42
for word; do script=$word; done
export SLURM_SUBMIT_DIR="$PWD" SLURM_NNODES=2 SLURM_JOB_NODELIST=x SLURM_GPUS_ON_NODE=3
exec bash "$script" > slurm-42.log 2>&1
"""
REPRO = """\
#!/bin/sh
echo "$LLM_NODES $LLM_NPROC $LLM_RENDEZVOUS $LLM_SPREAD $*" > repro.txt
"""


@pytest.fixture
def slurm(repository: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small repository with the job script, a stand-in for its .venv, and sbatch on PATH."""
    shutil.copytree(root / "infra" / "slurm", repository / "infra" / "slurm")
    (repository / "pipelines").symlink_to(root / "pipelines")  # a checkout holds the flow's file
    commands = {
        "bin/sbatch": SBATCH,
        "bin/scontrol": "#!/bin/sh\necho node7\necho node8\n",
        "bin/scancel": '#!/bin/sh\necho "$@" > scancel.txt\n',
        ".venv/bin/python": REPRO,
    }
    for name, text in commands.items():
        place = repository / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{repository / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(repository)
    return repository


def test_the_job_tells_stages_where_their_processes_meet(slurm: Path) -> None:
    submit(slurm, nodes=2, options=["--partition=gpu"], logger=logging.getLogger())
    words = (slurm / "sbatch.txt").read_text(encoding="utf-8").split()
    assert words[-3:] == ["--nodes=2", "--partition=gpu", "infra/slurm/repro.sh"]
    told = (slurm / "repro.txt").read_text(encoding="utf-8").strip()
    assert told == "2 3 node7:29500 sh infra/slurm/spread.sh -m pipelines.repro"


def test_a_failed_job_is_told(slurm: Path) -> None:
    (slurm / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    with pytest.raises(ServiceError, match=r"(?s)slurm-42\.log.*exit code 3"):
        submit(slurm, nodes=1, options=[], logger=logging.getLogger())


def test_without_slurm_it_is_said_where_to_start(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(ServiceError, match="There is no Slurm here"):
        submit(repository, nodes=1, options=[], logger=logging.getLogger())


class Stopped(BaseException):
    """Stands for what ends the flow's process."""


def test_whoever_stops_waiting_cancels_the_job(
    slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (slurm / ".venv" / "bin" / "python").write_text("#!/bin/sh\nsleep 60\n", encoding="utf-8")

    def stop(_number: int, _frame: object) -> None:
        raise Stopped

    monkeypatch.setattr("pipelines.processes.GRACE_SECONDS", ((signal.SIGKILL, 4.0),))
    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        with pytest.raises(Stopped):
            submit(slurm, nodes=1, options=[], logger=logging.getLogger())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert (slurm / "scancel.txt").read_text(encoding="utf-8").strip() == "42"


def test_an_interrupt_reaches_the_tasks_of_a_step(root: Path, tmp_path: Path) -> None:
    """srun passes on SIGTERM only; spread.sh waits for the step's own end and exit code."""
    srun = tmp_path / "srun"
    srun.write_text(
        "#!/bin/sh\ntrap 'echo saved; exit 130' TERM\necho started\n"
        "while true; do sleep 0.1; done\n",
        encoding="utf-8",
    )
    srun.chmod(0o755)
    process = subprocess.Popen(
        ["sh", str(root / "infra" / "slurm" / "spread.sh"), "python", "-m", "llm", "pretrain"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_NNODES": "2"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert (output, process.returncode) == ("saved\n", 130)


@pytest.mark.parametrize("name", ["repro.sh", "spread.sh"])
def test_the_scripts_parse(root: Path, name: str) -> None:
    subprocess.run(["bash", "-n", str(root / "infra" / "slurm" / name)], check=True)


def test_a_deployment_needs_a_server(run: Run) -> None:
    ended = run("pipelines.cluster", more={"PREFECT_API_URL": ""})
    assert ended.returncode == 4
    assert "PREFECT_API_URL" in ended.stderr


@pytest.fixture
def worker(slurm: Path, root: Path, prefect_api: str) -> Iterator[dict[str, str]]:
    """A worker of the process pool, as it would run on a login node; its environment."""
    here = environment(root, {"PREFECT_API_URL": prefect_api})
    subprocess.run(
        [sys.executable, "-m", "pipelines.cluster", "--nodes", "2", "--partition=gpu"],
        cwd=slurm, env=here, check=True, timeout=180,
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", "slurm"],
        cwd=slurm, env=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield here
    process.send_signal(signal.SIGINT)
    process.wait(60)


@pytest.mark.slow
def test_a_process_work_pool_runs_the_deployment(
    slurm: Path, worker: dict[str, str], prefect_api: str
) -> None:
    answer = httpx.get(f"{prefect_api}/deployments/name/cluster/slurm", timeout=20)
    deployment = answer.json()
    assert deployment["parameters"]["options"] == ["--partition=gpu"]
    made = httpx.post(
        f"{prefect_api}/deployments/{deployment['id']}/create_flow_run",
        json={"state": {"type": "SCHEDULED"}},
        timeout=20,
    ).json()
    deadline = time.monotonic() + 180
    state = ""
    while state not in ("COMPLETED", "FAILED", "CRASHED") and time.monotonic() < deadline:
        time.sleep(0.5)
        state = httpx.get(f"{prefect_api}/flow_runs/{made['id']}", timeout=20).json()["state_type"]
    assert state == "COMPLETED"
    assert (slurm / "repro.txt").exists()
