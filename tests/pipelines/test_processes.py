"""Children: their lines, codes and timeouts, and that no grandchild outlives them."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from pipelines import processes
from pipelines.processes import (
    CHECKOUT,
    ChildStoppedError,
    ChildTimeoutError,
    end_leftovers,
    run_child,
)

# Ignores interrupt and terminate, leaves the session, loses its parent, and tells its pid.
STUBBORN = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open(sys.argv[1], "w") as stream:
            stream.write(str(os.getpid()))
        time.sleep(300)
    os._exit(0)
time.sleep(300)
"""


def read_pid(path: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text(encoding="ascii")):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the grandchild did not start")


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little patience, for tests of what comes after it."""
    graces = ((signal.SIGINT, 0.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 4.0))
    monkeypatch.setattr(processes, "GRACE_SECONDS", graces)


def test_lines_come_as_they_are_printed(tmp_path: Path):
    heard: list[tuple[float, str]] = []
    code = "import sys, time; print('a', flush=True); time.sleep(1); print('b', file=sys.stderr)"
    ended = run_child(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        on_line=lambda line: heard.append((time.monotonic(), line)),
    )
    assert ended == 0
    assert [line for _, line in heard] == ["a", "b"]
    assert heard[1][0] - heard[0][0] > 0.5


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(3)", 3), ("pass", 0)])
def test_exit_codes(tmp_path: Path, code: str, expected: int):
    assert run_child([sys.executable, "-c", code], cwd=tmp_path) == expected


def test_patience_is_below_25_seconds():
    assert sum(seconds for _, seconds in processes.GRACE_SECONDS) < 25


@pytest.mark.usefixtures("hasty")
def test_no_grandchild_survives_a_timeout(tmp_path: Path):
    began = time.monotonic()
    with pytest.raises(ChildTimeoutError):
        run_child(
            [sys.executable, "-c", STUBBORN, str(tmp_path / "pid")],
            cwd=tmp_path,
            timeout_seconds=2,
        )
    assert gone(read_pid(tmp_path / "pid"))
    assert time.monotonic() - began < 15


@pytest.mark.usefixtures("hasty")
def test_no_grandchild_survives_an_orderly_end(tmp_path: Path):
    code = STUBBORN.rsplit("time.sleep", 1)[0] + "time.sleep(1)"
    assert run_child([sys.executable, "-c", code, str(tmp_path / "pid")], cwd=tmp_path) == 0
    assert gone(read_pid(tmp_path / "pid"))


@pytest.mark.usefixtures("hasty")
def test_no_grandchild_survives_a_stop(tmp_path: Path):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    with pytest.raises(ChildStoppedError):
        run_child([sys.executable, "-c", STUBBORN, str(tmp_path / "pid")], cwd=tmp_path, stop=stop)
    assert gone(read_pid(tmp_path / "pid"))


@pytest.mark.slow
def test_the_most_stubborn_is_gone_within_25_seconds(tmp_path: Path):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    began = time.monotonic()
    with pytest.raises(ChildStoppedError):
        run_child([sys.executable, "-c", STUBBORN, str(tmp_path / "pid")], cwd=tmp_path, stop=stop)
    assert gone(read_pid(tmp_path / "pid"))
    assert time.monotonic() - began < 26


def test_an_interrupted_child_may_finish_its_work(tmp_path: Path):
    code = (
        "import sys, time\n"
        "try:\n    print('ready', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(1); open('saved', 'w').close()\n"
    )
    stop = threading.Event()
    with pytest.raises(ChildStoppedError):
        run_child(
            [sys.executable, "-c", code], cwd=tmp_path, stop=stop, on_line=lambda _: stop.set()
        )
    assert (tmp_path / "saved").exists()


@pytest.mark.slow
def test_no_worker_of_torchrun_survives(tmp_path: Path):
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os, time\n"
        "open(f'pid-{os.environ[\"RANK\"]}', 'w').write(str(os.getpid()))\n"
        "time.sleep(300)\n",
        encoding="utf-8",
    )
    stop = threading.Event()

    def stop_when_both_run() -> None:
        for rank in (0, 1):
            read_pid(tmp_path / f"pid-{rank}")
        stop.set()

    threading.Thread(target=stop_when_both_run, daemon=True).start()
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(worker)]
    with pytest.raises(ChildStoppedError):
        run_child([sys.executable, *command], cwd=tmp_path, stop=stop, on_line=lambda _: None)
    assert all(gone(read_pid(tmp_path / f"pid-{rank}")) for rank in (0, 1))


@pytest.mark.usefixtures("hasty")
def test_what_a_killed_run_left_is_ended_by_the_next(tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    bystander = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env={**os.environ, CHECKOUT: str(other)},
    )
    try:
        parent = subprocess.Popen(
            [sys.executable, "-c", STUBBORN, str(tmp_path / "pid")],
            env={**os.environ, CHECKOUT: str(tmp_path)},
        )
        pid = read_pid(tmp_path / "pid")
        parent.kill()
        parent.wait()
        assert not gone(pid)
        assert end_leftovers(tmp_path) == 1
        assert gone(pid)
        assert end_leftovers(tmp_path) == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
