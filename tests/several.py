"""Several processes of one training: what torchrun would start."""

from __future__ import annotations

import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import cloudpickle
import torch

from llm.runtime import Place
from pipelines.servers import free_port

# Forked from a process that has imported torch and done nothing with it: a fork of the test's own,
# whose threads have computed by then, may crash at the first product.
_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(["benchmarks.trainings"])


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

    The name of an exception stands for it; None for SystemExit(0), as helpers end.
    """
    port = free_port()
    answers = _FORKSERVER.Queue()
    work = cloudpickle.dumps((act, arguments))  # pickle alone knows no functions within functions
    processes = [
        _FORKSERVER.Process(
            target=_work,
            args=(Place(rank=rank, world_size=size), port, answers, work, dict(os.environ)),
        )
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    found = dict(answers.get(timeout=120) for _ in range(size))
    for process in processes:
        process.join(30)
    return [found[rank] for rank in range(size)]


def _work(here: Place, port: int, answers: Any, work: bytes, surroundings: dict[str, str]) -> None:
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
    answers.put((here.rank, answer))
    answers.close()
    answers.join_thread()
