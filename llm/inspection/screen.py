"""Where artefacts are shown: a pager with colours on a terminal, plain lines in a pipe or log."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import IO

from rich.console import Console, RenderableType


def show(pieces: Iterable[RenderableType]) -> None:
    """Print one piece after the other, as they come, so that nothing large waits in memory.

    On a terminal they go through `less`, or what PAGER names, which keeps colours (-R) and leaves
    at once where all fits (-F). Quitting the pager ends the work.
    """
    with _output() as stream:
        console = Console(file=stream, force_terminal=sys.stdout.isatty() or None, highlight=False)
        with contextlib.suppress(BrokenPipeError):  # the reader has seen enough
            for piece in pieces:
                console.print(piece)


@contextlib.contextmanager
def _output() -> Iterator[IO[str]]:
    command = shlex.split(os.environ.get("PAGER") or "less")
    if not sys.stdout.isatty() or shutil.which(command[0]) is None:
        yield sys.stdout
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        return
    options = {"LESS": os.environ.get("LESS") or "FRX"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, **options}
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
