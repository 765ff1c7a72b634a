"""A polite end: the first SIGINT or SIGTERM waits for the step to finish, the second does not."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, SIGINT and SIGTERM set `requested` instead of ending the process at once.

    A signal raises KeyboardInterrupt at once where one came before, or while `worth_saving` is
    False: before the first step there is nothing to lose. patient: never because one came before;
    for the processes of a launcher, which hear the same signal from several sides, and are killed
    by it in the end. Outside the main thread, where Python allows no handlers, nothing changes. One
    that came too late to be heeded inside raises KeyboardInterrupt on leaving: it is never
    swallowed.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self._patient = patient
        self.requested = False
        self.worth_saving = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self.requested and error is None:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if (self.requested and not self._patient) or not self.worth_saving:
            raise KeyboardInterrupt
        self.requested = True
