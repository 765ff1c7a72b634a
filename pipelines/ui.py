"""`python -m pipelines.ui`: the pages of MLflow and Prefect until Ctrl-C; what `make ui` calls."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from llm.errors import PipelineError
from pipelines.environment import checkout, prepare
from pipelines.servers import mlflow_server, prefect_server


def main() -> int:
    """Start both servers, print their addresses once they answer, and end both on Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        root = checkout()
        prepare(root)
        print("Starting MLflow and Prefect ...", flush=True)
        with mlflow_server(root) as mlflow, prefect_server(root) as prefect:
            print(f"MLflow:   {mlflow}\nPrefect:  {prefect}", flush=True)
            print("Ctrl-C stops both.", flush=True)
            threading.Event().wait()
    except PipelineError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
