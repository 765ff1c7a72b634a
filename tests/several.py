"""Several processes of one training: what torchrun would start."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

import cloudpickle
import torch

from llm.runtime import Place
from pipelines.servers import free_port

# Forked from a process that has imported torch and done nothing with it: a fork of the test's own,
# whose threads have computed by then, may crash at the first product.
_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["benchmarks.trainings", "torch._dynamo"])  # DDP imports it
_SECONDS = 180  # for all of them together; they take under 20 where nothing else runs


def environment(here: Place, port: int) -> dict[str, str]:
    """What torchrun tells a process."""
    return {
        "TORCHELASTIC_RUN_ID": "test",
        "RANK": str(here.rank),
        "WORLD_SIZE": str(here.world_size),
        "LOCAL_RANK": str(here.rank),
        "LOCAL_WORLD_SIZE": str(here.world_size),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "LLM_THREADS": "1",
    }


def several(size: int, act: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call `act(*arguments)` in `size` processes; return what each returned, by rank.

    The name of an exception stands for it; None for SystemExit(0), as helpers end. Where a process
    dies or hangs, the others are ended and AssertionError tells which; a hanging one has printed
    where it stood.
    """
    port = free_port()
    work = cloudpickle.dumps((act, arguments))  # pickle alone knows no functions within functions
    processes, ends = [], []
    for rank in range(size):
        answers, tell = _FORKSERVER.Pipe(duplex=False)
        here = Place(rank=rank, world_size=size)
        process = _FORKSERVER.Process(
            target=_work, args=(here, port, tell, work, dict(os.environ)), daemon=True
        )
        process.start()
        tell.close()  # the process has the only one now, so that its death ends the pipe
        processes.append(process)
        ends.append(answers)
    try:
        return _answers(ends)
    finally:
        for process in processes:
            process.join(10)
            if process.is_alive():
                process.kill()


def _answers(ends: list[Connection]) -> list[Any]:
    found: dict[int, Any] = {}
    until = time.monotonic() + _SECONDS
    while len(found) < len(ends):
        waiting = [end for rank, end in enumerate(ends) if rank not in found]
        ready = wait(waiting, timeout=max(0.0, until - time.monotonic()))
        missing = [rank for rank in range(len(ends)) if rank not in found]
        assert ready, f"processes {missing} of {len(ends)} did not answer in {_SECONDS} s"
        for rank in missing:
            if ends[rank] not in ready:
                continue
            try:
                found[rank] = ends[rank].recv()
            except EOFError:
                raise AssertionError(f"process {rank} of {len(ends)} died") from None
    return [found[rank] for rank in range(len(ends))]


def _work(
    here: Place, port: int, tell: Connection, work: bytes, surroundings: dict[str, str]
) -> None:
    faulthandler.dump_traceback_later(_SECONDS - 20, file=2)
    torch.set_num_threads(1)
    os.environ.update(surroundings)
    if here.world_size > 1:
        os.environ.update(environment(here, port))
    answer: Any = None
    try:
        act, arguments = cloudpickle.loads(work)
        answer = act(*arguments)
    except SystemExit as error:
        answer = error.code or None
    except BaseException as error:
        traceback.print_exc(file=sys.stderr)
        answer = type(error).__name__
    tell.send(answer)
