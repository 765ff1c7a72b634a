"""Seconds by what they were spent on; no part of any result."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Sums up the seconds of named kinds of work.

    tokens: those that went through the model in the kind "steps".
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tokens = 0

    @contextmanager
    def measure(self, what: str) -> Iterator[None]:
        """Count the time inside as `what`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - began

    def timings(self) -> dict[str, float]:
        """`<what>_seconds` of all kinds, and the tokens per second of the steps alone."""
        timings = {f"{what}_seconds": round(spent, 3) for what, spent in self.seconds.items()}
        if self.tokens:
            timings["tokens_per_second"] = round(self.tokens / self.seconds["steps"], 1)
        return timings
