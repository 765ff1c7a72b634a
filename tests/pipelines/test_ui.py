"""`make ui`: both servers answer, a browser shows their pages, and Ctrl-C leaves nothing behind."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.pipelines.conftest import environment

pytestmark = pytest.mark.slow


@pytest.fixture
def servers(repository: Path, root: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The running `make ui` and the address of each server by name."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.ui"],
        cwd=repository,
        env=environment(root),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    addresses: dict[str, str] = {}
    for line in process.stdout:
        if found := re.match(r"(MLflow|Prefect): +(http://127\.0\.0\.1:\d+)$", line.strip()):
            addresses[found[1]] = found[2]
        if "Ctrl-C" in line:
            break
    yield process, addresses
    if process.poll() is None:
        process.kill()
    process.stdout.close()
    process.wait()


def page(chromium: str, address: str, folder: Path) -> str:
    """What a browser makes of a page once its scripts have run."""
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={folder}", "--virtual-time-budget=20000",
        "--dump-dom", address,
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return ended.stdout


def test_pages_open_and_nothing_stays(
    servers: tuple[subprocess.Popen[str], dict[str, str]], chromium: str, tmp_path: Path
):
    process, addresses = servers
    assert set(addresses) == {"MLflow", "Prefect"}
    for address in addresses.values():
        assert httpx.get(address, follow_redirects=True, timeout=20).status_code == 200
    assert "MLflow" in page(chromium, addresses["MLflow"], tmp_path / "one")
    assert "Prefect" in page(chromium, addresses["Prefect"], tmp_path / "two")
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 0
    assert time.monotonic() - began < 30
    _, alive = psutil.wait_procs(family, timeout=2)
    assert alive == []
    for address in addresses.values():
        with pytest.raises(httpx.ConnectError):
            httpx.get(address, timeout=5)
