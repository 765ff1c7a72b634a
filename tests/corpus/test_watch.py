"""Watching a cluster: a silent listener, or one that never answers, ends the process in words."""

import socket
import subprocess
import sys
import textwrap
import time

import pytest

from llm.corpus.watch import knock

SCRIPT = """
import sys, time
from llm.corpus.watch import Listener, while_joining, while_working

what, address = sys.argv[1:]
if what == "joining":
    with while_joining("somewhere:1", seconds=0.3):
        time.sleep(60)
if what == "joined":
    with while_joining("somewhere:1", seconds=0.3):
        pass
    time.sleep(1)
if what == "working":
    with while_working("somewhere:1", [Listener("the head", address, 1.0)]):
        print("begun", flush=True)
        time.sleep(60)
if what == "worked":
    with while_working("somewhere:1", [Listener("the head", address, 1.0)]):
        time.sleep(3)
print("ended", flush=True)
"""


@pytest.fixture
def start(tmp_path, root):
    """A function that starts the script above."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")

    def begin(what: str, address: str = "127.0.0.1:9") -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(path), what, address],
            env={"PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def test_knocking(listener):
    address = address_of(listener)
    knock(address)
    for other in ("auto", "local", "ray://head:10001"):
        knock(other)
    listener.close()
    with pytest.raises(OSError, match="refused"):
        knock(address)


def test_who_waits_too_long_is_told(start):
    process = start("joining")
    _, told = process.communicate(timeout=30)
    assert process.returncode == 4
    assert "RAY_ADDRESS, somewhere:1" in told
    assert "no answer within 0.3 seconds" in told
    process = start("joined")
    assert process.communicate(timeout=30) == ("ended\n", "")


def test_who_loses_its_cluster_is_told(start, listener):
    process = start("working", address_of(listener))
    assert process.stdout.readline() == "begun\n"
    began = time.monotonic()
    listener.close()
    _, told = process.communicate(timeout=30)
    assert process.returncode == 4
    assert time.monotonic() - began < 10
    assert "the head is silent at 127.0.0.1" in told
    assert "finished units are remembered" in told


@pytest.mark.slow
def test_who_keeps_its_cluster_goes_on(start, listener):
    process = start("worked", address_of(listener))
    assert process.communicate(timeout=30)[0] == "ended\n"
    assert process.returncode == 0
