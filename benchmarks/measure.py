"""Measure commands and write results: seconds, memory of whole process trees, rows of ratios."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from llm.files import read_json, write_json

MEGABYTE = 1_000_000  # bytes; sizes and rates of the table are decimal
GIBIBYTE = 2**30
_SAMPLE_SECONDS = 0.05
_LOG_TAIL_LINES = 40
_LARGEST_RATIO = 1e9  # JSON knows no infinity


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. ratio: how many times better ours is than the peer; the bar is
    `at_least`."""

    name: str
    unit: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    at_least: float
    machine: str

    @property
    def reached(self) -> bool:
        """Whether the ratio is at its bar."""
        return self.ratio >= self.at_least


def row(
    name: str,
    *,
    unit: str,
    ours: float,
    peer: float,
    peer_name: str,
    at_least: float,
    lower_is_better: bool = False,
) -> Row:
    """A row of this machine. lower_is_better: for seconds and bytes, where less is more."""
    better, worse = (peer, ours) if lower_is_better else (ours, peer)
    ratio = better / worse if worse else math.inf if better else 1.0
    return Row(
        name=name,
        unit=unit,
        ours=_short(ours),
        peer=_short(peer),
        peer_name=peer_name,
        ratio=_short(min(ratio, _LARGEST_RATIO)),
        at_least=at_least,
        machine=machine(),
    )


def _short(value: float) -> float:
    """Four digits that count."""
    return float(f"{value:.4g}")


def machine() -> str:
    """Cores, processor, memory and system of this machine, as one line."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        pass
    memory = psutil.virtual_memory().total / GIBIBYTE
    return (
        f"{cores()} cores of {model}, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def version(package: str) -> str:
    """The installed version of a package."""
    return metadata.version(package)


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ------------------------------------------------------------------------------ commands


@dataclass(frozen=True)
class Ran:
    """seconds: from start to end of the process, its interpreter's start included. peak_bytes: the
    most memory that it and all its children held together."""

    seconds: float
    peak_bytes: int


class CommandError(RuntimeError):
    """A measured command failed; the message holds the end of what it said."""


def run_measured(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    log: Path,
    environment: Mapping[str, str],
    memory: bool = True,
) -> Ran:
    """Run a command to its end; what it prints goes to `log`. Raises CommandError where it fails.

    Memory is summed over the process tree every 50 ms as proportional set size (pages that several
    processes share count once; proc(5)), and is never less than the highest resident size of any
    one of them. To look takes the kernel as long as the process is large: of 5 GB, a third off the
    speed of what is measured. memory=False does not look, and finds 0 bytes.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
        ended = threading.Event()
        peaks = [0]
        sampler = threading.Thread(target=_sample, args=(process.pid, ended, peaks), daemon=True)
        if memory:
            sampler.start()
        try:
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            ended.set()
        seconds = time.perf_counter() - began
        if memory:
            sampler.join()
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        raise CommandError(
            f"exit code {process.returncode}: {' '.join(map(str, command))}\n" + "\n".join(tail)
        )
    return Ran(seconds, peaks[0])


def _sample(pid: int, ended: threading.Event, peaks: list[int]) -> None:
    while not ended.wait(_SAMPLE_SECONDS):
        try:
            parent = psutil.Process(pid)
            family = [parent, *parent.children(recursive=True)]
        except psutil.Error:
            continue
        sizes = [_process_bytes(process) for process in family]
        together = sum(now for now, _ in sizes)
        peaks[0] = max(peaks[0], together, *(highest for _, highest in sizes))


def _process_bytes(process: psutil.Process) -> tuple[int, int]:
    """What a process holds now, and the most that it ever held; zeros where it has ended."""
    try:
        place = Path(f"/proc/{process.pid}")
        now = _kibibytes(place / "smaps_rollup", "Pss:")
        return now * 1024, _kibibytes(place / "status", "VmHWM:") * 1024
    except (OSError, StopIteration):
        pass  # another system, or a process that has just ended
    try:
        resident = int(process.memory_info().rss)
    except psutil.Error:
        return 0, 0
    return resident, resident


def _kibibytes(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def alternate(repeats: int, *measurements: Callable[[], float]) -> list[float]:
    """The median of each measurement; in turns, so that noise of the machine meets them all."""
    figures: list[list[float]] = [[] for _ in measurements]
    for _ in range(repeats):
        for measure, found in zip(measurements, figures, strict=True):
            found.append(measure())
    return [statistics.median(found) for found in figures]


# ------------------------------------------------------------------------------- results


def write_results(path: Path, rows: Sequence[Row]) -> list[Row]:
    """Write rows as JSON, and return all that stand there: those of an earlier run stay in their
    places where they were not measured again."""
    found = {row.name: row for row in read_results(path)}
    found.update({row.name: row for row in rows})
    merged = list(found.values())
    write_json(path, [asdict(row) for row in merged])
    return merged


def read_results(path: Path) -> list[Row]:
    """The rows of a results file; none where there is no file."""
    if not path.exists():
        return []
    values: list[dict[str, Any]] = read_json(path, made_by="make bench-data")
    return [Row(**value) for value in values]


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| what | unit | ours | peer | | ratio | at least | |",
        "|---|---|---:|---:|---|---:|---:|---|",
    ]
    lines += [
        f"| {row.name} | {row.unit} | {row.ours:,g} | {row.peer:,g} | {row.peer_name} "
        f"| {row.ratio:,g} | {row.at_least:g} | {'reached' if row.reached else 'missed'} |"
        for row in rows
    ]
    return "\n".join(lines)
