"""One pipeline run per checkout: a file lock for the whole run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from llm.errors import ServiceError
from pipelines.processes import end_leftovers


@contextlib.contextmanager
def one_run(root: Path) -> Iterator[None]:
    """Hold the checkout's lock; end what a killed run left running before going on.

    Raises ServiceError at once where another run holds the lock. The lock falls with its
    process, however that ends.
    """
    from filelock import FileLock, Timeout

    place = root / "data" / "pipeline.lock"
    holder = root / "data" / "pipeline.pid"
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        pid = holder.read_text(encoding="ascii").strip() if holder.exists() else "unknown"
        raise ServiceError(
            "Another pipeline run works in this checkout.",
            where=root,
            found=f"process {pid}",
            expected="one run at a time",
            remedy="wait until it ends, or end it, then start again",
        ) from None
    try:
        holder.write_text(str(os.getpid()), encoding="ascii")
        end_leftovers(root)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
