"""Progress of long work: a bar on a terminal, else a plain line every few seconds."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

_LINE_SECONDS = 5.0


class Progress:
    """Counts work done; never part of a result.

    total: how much there is, None where unknown. unit: "B" for bytes, else what is counted.
    """

    def __init__(self, name: str, *, unit: str, total: int | None = None) -> None:
        self._name = name
        self._total = total
        self._unit = unit
        self._done = 0
        self._printed = time.monotonic()
        self._bar: Any = _bar(name, unit, total) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, amount: int) -> None:
        """Count `amount` more units as done."""
        self._done += amount
        if self._bar is not None:
            self._bar.update(amount)
            return
        now = time.monotonic()
        if now - self._printed >= _LINE_SECONDS:
            self._printed = now
            of = f" of {self._total:,} ({self._done / self._total:.0%})" if self._total else ""
            print(f"{self._name}: {self._done:,}{of} {self._unit}", flush=True)


def _bar(name: str, unit: str, total: int | None) -> Any:
    from tqdm import tqdm

    divisor = 1024 if unit == "B" else 1000
    return tqdm(desc=name, total=total, unit=unit, unit_scale=True, unit_divisor=divisor)
