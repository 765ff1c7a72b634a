"""Ends this process, in clear words, where the Ray cluster under it is lost.

Ray's library then waits without end, or ends the process without naming a remedy, in threads of
its own: no exception reaches the caller. What stands on the disk is whole or absent in any case.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llm.errors import ServiceError

_KNOCK_SECONDS = 10
_EVERY_SECONDS = 1.0
_JOINING_SECONDS = 90.0  # to connect, or to start Ray on this machine


@dataclass(frozen=True)
class Listener:
    """Who must go on listening at host:port, and after how many seconds of silence all is lost."""

    name: str
    address: str
    seconds: float


def knock(address: str) -> None:
    """Raise OSError where no one listens at host:port. Addresses of other forms are passed over."""
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()


@contextlib.contextmanager
def while_joining(cluster: str, *, seconds: float = _JOINING_SECONDS) -> Iterator[None]:
    """End the process where what is done inside takes longer."""
    timer = threading.Timer(seconds, _end, (cluster, f"no answer within {seconds:g} seconds"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def while_working(cluster: str, listeners: Sequence[Listener]) -> Iterator[None]:
    """End the process where one of the listeners falls silent. cluster: as RAY_ADDRESS names it."""
    done = threading.Event()
    threading.Thread(target=_watch, args=(cluster, listeners, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _watch(cluster: str, listeners: Sequence[Listener], done: threading.Event) -> None:
    heard = dict.fromkeys(listeners, time.monotonic())
    while not done.wait(_EVERY_SECONDS):
        for listener in listeners:
            with contextlib.suppress(OSError):
                knock(listener.address)
                heard[listener] = time.monotonic()
            if time.monotonic() - heard[listener] > listener.seconds and not done.is_set():
                _end(cluster, f"{listener.name} is silent at {listener.address}")


def _end(cluster: str, found: str) -> None:
    print(f"\nServiceError: {lost(cluster, found)}", file=sys.stderr, flush=True)
    os._exit(ServiceError.exit_code)


def lost(cluster: str, found: str) -> ServiceError:
    """The error of a cluster that does not answer any more."""
    return ServiceError(
        "The Ray cluster is lost.",
        where=f"environment variable RAY_ADDRESS, {cluster}",
        found=found,
        expected="a cluster that stays up until the command ends",
        remedy="start it anew (ray stop; ray start --head), then the same command again: finished "
        "units are remembered",
    )
