"""`make repro`: exit codes, one run at a time, and a killed run that the next one cleans up."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.pipelines.conftest import Run, environment


def test_twice(repository: Path, run: Run):
    first = run("pipelines.repro")
    assert first.returncode == 0, first.stderr
    assert "Running stage 'three'" in first.stdout
    assert "make ui" in first.stdout
    second = run("pipelines.repro")
    assert second.returncode == 0
    assert "Running stage" not in second.stdout


def test_elsewhere(repository: Path, run: Run):
    (repository / "dvc.yaml").unlink()
    ended = run("pipelines.repro")
    assert ended.returncode == 2
    assert "There is no pipeline here." in ended.stderr


def test_after_a_kill_the_next_run_goes_on(repository: Path, root: Path, run: Run):
    text = (repository / "dvc.yaml").read_text(encoding="utf-8")
    slow = text.replace(
        "cmd: echo two > two.txt",
        "cmd: 'if [ ! -e pid ]; then echo $$ > pid; sleep 300; fi; echo two > two.txt'",
    )
    (repository / "dvc.yaml").write_text(slow, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.repro"],
        cwd=repository,
        env=environment(root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (repository / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.3)
    pid = int((repository / "pid").read_text(encoding="ascii"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert psutil.pid_exists(pid)
    ended = run("pipelines.repro")
    assert ended.returncode == 0, ended.stderr
    assert "that a killed run left behind" in ended.stderr
    assert not psutil.pid_exists(pid)
    assert (repository / "three.txt").read_text(encoding="utf-8") == "one\ntwo\n"
