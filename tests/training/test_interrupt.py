"""Signals: the first is heeded at the next good moment, the second at once, none is swallowed."""

from __future__ import annotations

import os
import signal

import pytest

from llm.training.interrupt import Interrupts


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_asks_and_the_second_ends(number: int) -> None:
    before = signal.getsignal(number)

    def twice() -> None:
        with Interrupts() as interrupts:
            interrupts.worth_saving = True
            send(number)
            assert interrupts.requested
            send(number)
            pytest.fail("the second signal was not heard")

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert signal.getsignal(number) is before


def test_before_the_first_step_there_is_nothing_to_wait_for() -> None:
    def early() -> None:
        with Interrupts():
            send()
            pytest.fail("the signal was not heard")

    with pytest.raises(KeyboardInterrupt):
        early()


def test_one_that_came_too_late_is_raised_on_leaving() -> None:
    reached = []

    def late() -> None:
        with Interrupts() as interrupts:
            interrupts.worth_saving = True
            send()
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        late()
    assert reached


def test_an_error_inside_is_the_one_raised() -> None:
    def fails() -> None:
        with Interrupts() as interrupts:
            interrupts.worth_saving = True
            send()
            raise LookupError

    with pytest.raises(LookupError):
        fails()
