"""Work spread over processes or a cluster, answered in order, with a bounded number in flight."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from typing import TypeVar

from llm.corpus import cluster
from llm.errors import ConfigError

T = TypeVar("T")
R = TypeVar("R")


def worker_count() -> int:
    """How many processes to use: LLM_WORKERS, else the processors this process may use."""
    text = os.environ.get("LLM_WORKERS")
    if not text:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else (os.cpu_count() or 1)
        )
    if not text.isdecimal() or text == "0":
        raise ConfigError(
            "An environment variable is not a positive whole number.",
            where="environment variable LLM_WORKERS",
            found=repr(text),
            expected="a whole number of at least 1",
            remedy="unset LLM_WORKERS or give it a number",
        )
    return int(text)


def prepare_workers(module: str) -> None:
    """Start the process from which workers will be forked, and let it import `module`.

    It does so beside this process, which has imports of its own; and what workers have in common
    is read once and lies in memory once. Without this call `ordered_map` starts it, empty.
    """
    if not cluster.is_wanted():
        multiprocessing.set_forkserver_preload([module])
        # Its tracker goes first, for starting that lets SIGINT through again.
        resource_tracker.ensure_running()
        with _uninterrupted():
            forkserver.ensure_running()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until this is done; a process started meanwhile never hears of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], *, workers: int
) -> Generator[R, None, None]:
    """Yield function(item) for every item, in order, whichever process is done first.

    At most four items per worker are in flight, so memory does not grow with the number of items.
    One worker means this very process. `function` and items must be picklable. Worker processes
    end by themselves when this process dies, killed or not. With DAFT_RUNNER=ray the workers are
    the processors of a Ray cluster, however many `workers` says, see llm.corpus.cluster.
    """
    if cluster.is_wanted():
        yield from cluster.ordered_map(function, items)
        return
    if workers <= 1:
        yield from map(function, items)
        return
    # A server that has done nothing but imports forks them: this process may have threads, which
    # do not survive a fork.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                with _uninterrupted():  # a worker half begun would complain that this one is gone
                    waiting.append(pool.submit(function, item))
                if len(waiting) >= 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "only called in a child process"

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
