"""Servers of the house on the loopback: MLflow and Prefect, each on a free port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from llm.errors import ServiceError
from llm.mlflow_tracking import connect, tracking_uri
from pipelines.processes import child

HOST = "127.0.0.1"
START_SECONDS = 120.0


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def prefect_server(root: Path) -> Iterator[str]:
    """Start a Prefect server over data/prefect; yield its address once it answers; end it."""
    port = free_port()
    address = f"http://{HOST}:{port}"
    command = ["-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    # The pages ask the server under the address that the browser uses.
    environment = {"PREFECT_UI_API_URL": f"{address}/api", "PREFECT_API_URL": f"{address}/api"}
    with _server("prefect", command, root=root, environment=environment) as process:
        _wait(process, f"{address}/api/health", root=root, name="prefect")
        yield address


@contextlib.contextmanager
def mlflow_server(root: Path) -> Iterator[str]:
    """Start MLflow's server over its database; yield its address once it answers; end it."""
    connect(root)  # makes the database, so that the pages open on the experiment
    port = free_port()
    address = f"http://{HOST}:{port}"
    artifacts = (root.resolve() / "data" / "mlflow" / "artifacts").as_uri()
    command = ["-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", tracking_uri(root), "--artifacts-destination", artifacts]
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with _server("mlflow", command, root=root, environment=environment) as process:
        _wait(process, f"{address}/health", root=root, name="mlflow")
        yield address


def _log(root: Path, name: str) -> Path:
    return root / "data" / name / "server.log"


@contextlib.contextmanager
def _server(
    name: str, command: list[str], *, root: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    log = _log(root, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as stream,
        child(
            [sys.executable, *command], cwd=root, environment=environment, output=stream
        ) as process,
    ):
        yield process


def _wait(process: subprocess.Popen[str], address: str, *, root: Path, name: str) -> None:
    import httpx

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(address, timeout=5, trust_env=False).is_success:
                return
        time.sleep(0.2)
    log = _log(root, name)
    ended = process.poll()
    raise ServiceError(
        f"The {name} server did not start.",
        where=address,
        found=f"it ended with {ended}" if ended is not None else f"silence for {START_SECONDS:g} s",
        expected="an answer",
        remedy=f"read {log}",
    )
