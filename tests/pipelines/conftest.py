"""A small DVC repository to orchestrate, and one real Prefect server for all tests here."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

DVC_YAML = """\
stages:
  three:
    cmd: cat one.txt two.txt > three.txt && mkdir -p data/metrics
      && echo '{"lines":2,"name":"x"}' > data/metrics/three.json
    deps: [one.txt, two.txt]
    outs: [three.txt]
    metrics: [data/metrics/three.json]
  one:
    cmd: echo one > one.txt
    outs: [one.txt]
  two:
    cmd: echo two > two.txt
    outs: [two.txt]
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git and DVC repository of three stages, in a folder with a space in its name."""
    place = tmp_path / "a new folder"
    place.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q"], cwd=place, check=True, capture_output=True)
    (place / "dvc.yaml").write_text(DVC_YAML, encoding="utf-8")
    return place


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a real Prefect server on a free port of the loopback."""
    from pipelines.environment import prepare
    from pipelines.servers import prefect_server

    home = tmp_path_factory.mktemp("server")
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("PATH", "PYTHONPATH", "PREFECT_HOME", "MLFLOW_TRACKING_URI"):
                patch.setenv(name, os.environ.get(name, ""))
            patch.setenv("PREFECT_HOME", str(home / "data" / "prefect"))
            prepare(home)
            address = stack.enter_context(prefect_server(home))
        yield f"{address}/api"


def environment(root: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our own, with the code of this checkout on the path of Python."""
    return {**os.environ, "PYTHONPATH": str(root), **(more or {})}


@pytest.fixture
def run(repository: Path, root: Path) -> Run:
    """Run `python -m MODULE ...` in the small repository; give back its ended process."""

    def call(
        module: str, *arguments: str, more: Mapping[str, str] | None = None, seconds: float = 180
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=repository,
            env=environment(root, more),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return call
