"""Child processes that leave nothing behind: own session, streamed lines, timeout, ordered end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

# Inherited by every descendant, also by those that leave the session (torchrun's workers do):
# the marks of all families a process belongs to.
FAMILY = "LLM_PROCESS_FAMILY"
# Carried by everything that a pipeline run starts: the path of its checkout.
CHECKOUT = "LLM_PIPELINE_CHECKOUT"
# An interrupted training saves a checkpoint first. Together below 25 seconds.
GRACE_SECONDS = ((signal.SIGINT, 14.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 4.0))


class ChildTimeoutError(Exception):
    """The child ran past its time and was ended."""


class ChildStoppedError(Exception):
    """The child was ended because its caller was asked to stop."""


@contextlib.contextmanager
def child(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    output: int | IO[str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a new session; on leaving, end it and every descendant, whatever comes.

    environment: added to ours. output: where stdout and stderr go (None: to ours).
    """
    family = uuid.uuid4().hex
    marks = [mark for mark in (os.environ.get(FAMILY), family) if mark]
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {}), FAMILY: ",".join(marks)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end_processes(lambda: _family(family, process.pid))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)


def run_child(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    timeout_seconds: float | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Run a command to its end and return its exit code (negative: the signal that ended it).

    on_line receives every line of stdout and stderr as it comes; without it they go to ours.
    Raises ChildTimeoutError after `timeout_seconds`, ChildStoppedError once `stop` is set.
    """
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    output = None if on_line is None else subprocess.PIPE
    reader: threading.Thread | None = None
    try:
        with child(command, cwd=cwd, environment=environment, output=output) as process:
            if on_line is not None and process.stdout is not None:
                reader = threading.Thread(target=_read, args=(process.stdout, on_line), daemon=True)
                reader.start()
            while (code := _poll(process)) is None:
                if stop is not None and stop.is_set():
                    raise ChildStoppedError(command[0])
                if deadline is not None and time.monotonic() > deadline:
                    raise ChildTimeoutError(f"ran longer than {timeout_seconds:g} s")
    finally:
        if reader is not None:
            reader.join(5)  # the last lines: all who could write more are gone
    return code


def end_processes(members: Callable[[], list[psutil.Process]]) -> None:
    """End processes in order: interrupt, grace, terminate, grace, kill. Under 25 seconds.

    members: names those alive now; asked again and again, since the dying still start others.
    """
    for number, seconds in GRACE_SECONDS:
        told: set[int] = set()
        deadline = time.monotonic() + seconds
        while alive := members():
            for process in alive:
                if process.pid not in told:
                    told.add(process.pid)
                    with contextlib.suppress(psutil.Error):
                        process.send_signal(number)
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return


def end_leftovers(root: Path) -> int:
    """End what a killed pipeline run of this checkout left running; return how many there were.

    Call it only while holding the lock of the checkout: whoever then carries its mark has lost
    the run that started it.
    """
    place = str(root.resolve())
    me = psutil.Process()
    ours = {process.pid for process in [me, *me.parents(), *me.children(recursive=True)]}

    def left() -> list[psutil.Process]:
        return [
            process
            for process, environment in _readable_processes()
            if environment.get(CHECKOUT) == place and process.pid not in ours and _alive(process)
        ]

    count = len(left())
    if count:
        print(f"Ending {count} processes that a killed run left behind.", file=sys.stderr)
        end_processes(left)
    return count


def _family(family: str, pid: int) -> list[psutil.Process]:
    """Everyone alive who descends from a child: by the mark they inherit, and by parentage."""
    found = {
        process.pid: process
        for process, environment in _readable_processes()
        if family in environment.get(FAMILY, "").split(",")
    }
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        found |= {process.pid: process for process in [root, *root.children(recursive=True)]}
    return [process for process in found.values() if _alive(process)]


def _readable_processes() -> Iterator[tuple[psutil.Process, dict[str, str]]]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            yield process, process.environ()


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _poll(process: subprocess.Popen[str]) -> int | None:
    try:
        return process.wait(0.1)
    except subprocess.TimeoutExpired:
        return None


def _read(stream: IO[str], on_line: Callable[[str], None]) -> None:
    with stream:
        for line in stream:
            text = line.rstrip()
            if text:
                on_line(text)
