"""`python -m pipelines.repro`: `dvc repro` alone in its checkout; what `make repro` calls."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from llm.errors import PipelineError
from pipelines.environment import checkout, prepare
from pipelines.lock import one_run
from pipelines.processes import CHECKOUT, run_child
from pipelines.summary import print_where


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `dvc repro` with the given arguments; return its exit code.

    Takes the checkout's lock first, and ends every child when it is interrupted or terminated.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        root = checkout()
        prepare(root)
        with one_run(root):
            code = run_child(
                [sys.executable, "-m", "dvc", "repro", *words],
                cwd=root,
                environment={
                    "LLM_PIPELINE_RUN": f"repro-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}",
                    CHECKOUT: str(root.resolve()),
                },
            )
    except PipelineError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted. Start the same command again to go on.", file=sys.stderr)
        return 130
    if code == 0:
        print_where(root)
    return code if code >= 0 else 128 - code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
