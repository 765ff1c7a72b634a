"""Work over processes: order, bounded reading ahead, faults, and no orphan."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from llm.corpus.workers import ordered_map, worker_count
from llm.errors import ConfigError


def square(number: int) -> int:
    time.sleep(0.002 * (number % 3))
    return number * number


def fail(number: int) -> int:
    raise ValueError(number)


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_order(workers):
    assert list(ordered_map(square, range(50), workers=workers)) == [n * n for n in range(50)]


def test_it_does_not_read_far_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    answers = ordered_map(square, items(), workers=2)
    next(answers)
    assert len(taken) <= 9
    answers.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_reaches_the_caller(workers):
    with pytest.raises(ValueError, match="0"):
        list(ordered_map(fail, range(5), workers=workers))


def test_worker_count(monkeypatch):
    monkeypatch.setenv("LLM_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.delenv("LLM_WORKERS")
    assert worker_count() >= 1
    monkeypatch.setenv("LLM_WORKERS", "many")
    with pytest.raises(ConfigError, match="LLM_WORKERS"):
        worker_count()


def test_workers_end_with_a_killed_parent(tmp_path, root):
    script = tmp_path / "work.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from llm.corpus.workers import ordered_map

            def work(number):
                time.sleep(0.05)
                return os.getpid()

            if __name__ == "__main__":
                for pid in ordered_map(work, iter(int, 1), workers=2):
                    print(pid, flush=True)
            """
        )
    )
    command = [sys.executable, str(script)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as parent:
        assert parent.stdout is not None
        pids = {int(parent.stdout.readline()) for _ in range(10)}
        parent.kill()
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(pid) for pid in pids)


def test_workers_begin_with_what_was_prepared(tmp_path, root):
    script = tmp_path / "work.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from llm.corpus.workers import ordered_map, prepare_workers

            def work(number):
                return "colorsys" in sys.modules

            if __name__ == "__main__":
                prepare_workers("colorsys")
                assert "colorsys" not in sys.modules
                assert all(ordered_map(work, range(4), workers=2))
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, str(script)], env=environment, check=True, timeout=60)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] != "Z"
