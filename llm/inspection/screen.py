"""Where artefacts are shown: a pager with colours on a terminal, plain lines in a pipe or log."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import IO

from rich.console import Console, RenderableType
from rich.text import Text


class _Screen(Console):
    """A console whose reader may leave: that ends the work and is no fault."""

    def on_broken_pipe(self) -> None:
        """Called while a BrokenPipeError is handled."""
        raise BrokenPipeError


def show(pieces: Iterable[RenderableType]) -> None:
    """Print one piece after the other, as they come, so that nothing large waits in memory.

    On a terminal they go through `less`, or what PAGER names, which keeps colours (-R) and leaves
    at once where all fits (-F). Quitting the pager ends the work. In a pipe nothing is coloured and
    no line of text is wrapped. What the terminal's encoding lacks is escaped.
    """
    terminal = sys.stdout.isatty()
    with contextlib.suppress(BrokenPipeError), _output() as stream:  # the reader has seen enough
        console = _Screen(file=stream, force_terminal=terminal or None, highlight=False)
        for piece in pieces:
            console.print(piece, soft_wrap=not terminal and isinstance(piece, Text))


@contextlib.contextmanager
def _output() -> Iterator[IO[str]]:
    command = shlex.split(os.environ.get("PAGER") or "less")
    if not sys.stdout.isatty() or not command or shutil.which(command[0]) is None:
        yield from _pipe()
        return
    options = {"LESS": os.environ.get("LESS") or "FRX"}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        text=True,
        encoding=sys.stdout.encoding,
        errors="backslashreplace",
        env={**os.environ, **options},
    ) as process:
        assert process.stdin is not None, "asked for"
        try:
            yield process.stdin
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            # The pager reads keys until its user quits; an interrupt is the pager's to handle.
            while process.poll() is None:
                with contextlib.suppress(KeyboardInterrupt):
                    process.wait()


def _pipe() -> Iterator[IO[str]]:
    """The standard output, with nothing left to write where its reader has gone."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the last flush
        raise
