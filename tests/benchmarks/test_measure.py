"""Ratios, the results file and its table; seconds and memory of real processes."""

import json
import sys
from dataclasses import replace

import pytest

from benchmarks.measure import (
    CommandError,
    alternate,
    machine,
    read_results,
    row,
    run_measured,
    table,
    write_results,
)

KEYS = {"name", "unit", "ours", "peer", "peer_name", "ratio", "at_least", "machine"}


def a_row(name: str = "speed", *, ours: float = 30.0, peer: float = 2.0, **more):
    return row(name, unit="MB/s", ours=ours, peer=peer, peer_name="other", at_least=10.0, **more)


def test_the_ratio_says_how_many_times_better():
    assert a_row().ratio == 15.0
    assert a_row(ours=2.0, peer=30.0, lower_is_better=True).ratio == 15.0
    assert a_row().reached
    assert not a_row(ours=19.0).reached


def test_a_ratio_is_a_number_whatever_is_zero():
    assert a_row(ours=0.0, peer=0.0).ratio == 1.0
    assert a_row(ours=5.0, peer=0.0).ratio == 1e9
    json.dumps(a_row(ours=5.0, peer=0.0).ratio, allow_nan=False)


def test_results_are_a_list_of_flat_rows(tmp_path):
    path = tmp_path / "results" / "data.json"
    write_results(path, [a_row()])
    (found,) = json.loads(path.read_text())
    assert set(found) == KEYS
    assert all(isinstance(found[key], float) for key in ("ours", "peer", "ratio", "at_least"))
    assert all(isinstance(found[key], str) for key in ("name", "unit", "peer_name", "machine"))
    assert found["machine"] == machine()
    assert read_results(path) == [a_row()]


def test_a_row_measured_again_takes_its_old_place(tmp_path):
    path = tmp_path / "data.json"
    write_results(path, [a_row("one"), a_row("two")])
    again = replace(a_row("one"), ours=99.0)
    merged = write_results(path, [again, a_row("three")])
    assert merged == read_results(path) == [again, a_row("two"), a_row("three")]


def test_the_table_holds_every_row_and_its_verdict():
    lines = table([a_row(), a_row("slow", ours=1.0)]).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| speed | MB/s | 30 | 2 | other | 15 | 10 | reached |")
    assert "missed" in lines[3]


def test_sides_take_turns_and_the_median_counts():
    order = []

    def side(name, figures):
        def measure():
            order.append(name)
            return figures.pop()

        return measure

    assert alternate(3, side("a", [1.0, 9.0, 2.0]), side("b", [5.0, 5.0, 7.0])) == [2.0, 5.0]
    assert order == ["a", "b"] * 3


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


TWO_CHILDREN = """
import subprocess, sys, time

hold = "kept = bytearray(b'x') * (100 << 20); print('ready', flush=True); input()"
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
children = [subprocess.Popen([sys.executable, "-c", hold], **pipes) for _ in range(2)]
for child in children:
    child.stdout.readline()
time.sleep(0.5)  # both hold their memory now
for child in children:
    child.communicate(b"end")
"""


def test_memory_of_all_processes_together_counts(tmp_path):
    ran = run_measured(python(TWO_CHILDREN), cwd=tmp_path, log=tmp_path / "log", environment={})
    assert ran.seconds > 0.5
    assert 200 << 20 < ran.peak_bytes < 300 << 20


def test_a_peak_between_two_looks_is_not_missed(tmp_path):
    code = "import time; kept = bytearray(b'x') * (150 << 20); del kept; time.sleep(0.3)"
    ran = run_measured(python(code), cwd=tmp_path, log=tmp_path / "log", environment={})
    assert ran.peak_bytes > 150 << 20


def test_who_measures_speed_alone_is_not_looked_at(tmp_path):
    code = "import time; time.sleep(0.3)"
    ran = run_measured(
        python(code), cwd=tmp_path, log=tmp_path / "log", environment={}, memory=False
    )
    assert ran.seconds > 0.3 and ran.peak_bytes == 0


def test_a_command_sees_its_environment_and_folder(tmp_path):
    code = "import os; print(os.environ['BENCH_WORD'], os.getcwd())"
    run_measured(
        python(code), cwd=tmp_path, log=tmp_path / "a" / "log", environment={"BENCH_WORD": "word"}
    )
    assert (tmp_path / "a" / "log").read_text().split() == ["word", str(tmp_path)]


def test_a_failing_command_shows_what_it_said(tmp_path):
    with pytest.raises(CommandError, match=r"exit code 3(.|\n)*the reason"):
        run_measured(
            python("print('the reason'); raise SystemExit(3)"),
            cwd=tmp_path,
            log=tmp_path / "log",
            environment={},
        )
