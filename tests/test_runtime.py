"""The machine: seeds, threads, device and compiler are settled once, and wrong ones are told."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from llm.errors import ConfigError
from llm.runtime import TELEMETRY_OFF, choose_runtime, has_compiler, silence_telemetry


def test_same_seed_same_numbers(monkeypatch: pytest.MonkeyPatch):
    import torch

    monkeypatch.setenv("LLM_THREADS", "1")
    choose_runtime(seed=7, precision="float32")
    first = torch.rand(3)
    choose_runtime(seed=7, precision="float32")
    assert torch.equal(first, torch.rand(3))


def test_threads_and_precision(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LLM_THREADS", "1")
    monkeypatch.setenv("LLM_DEVICE", "cpu")
    runtime = choose_runtime(seed=0, precision="bfloat16")
    assert (runtime.threads, runtime.device.type, runtime.autocast) == (1, "cpu", True)
    assert not choose_runtime(seed=0, precision="float32").autocast


@pytest.mark.parametrize(
    ("name", "value"), [("LLM_THREADS", "two"), ("LLM_DEVICE", "gpu"), ("LLM_COMPILE", "yes")]
)
def test_wrong_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        choose_runtime(seed=0, precision="auto")


def test_without_a_compiler_training_runs_uncompiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LLM_DEVICE", "cpu")
    monkeypatch.delenv("CXX", raising=False)
    assert not has_compiler()
    assert not choose_runtime(seed=0, precision="float32", compile=True).compile


def test_telemetry_is_off_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch):
    for name in TELEMETRY_OFF:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    silence_telemetry()
    assert os.environ["DO_NOT_TRACK"] == "0"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_a_process_ends_with_its_parent(root: Path):
    child = (
        "from llm.runtime import end_with_parent; end_with_parent(); import time; time.sleep(60)"
    )
    parent = (
        "import subprocess, sys, time;"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}]);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    orphan = psutil.Process(int(process.stdout.readline()))
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    _, alive = psutil.wait_procs([orphan], timeout=5)
    assert not alive


_REUSE = """
import ctypes, resource, sys
from llm.runtime import keep_freed_memory
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
kept = keep_freed_memory() if sys.argv[1] == "keep" else False
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = library.malloc(2**26)
    ctypes.memset(block, 1, 2**26)
    library.free(block)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(int(kept), faults[-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_memory_is_kept_and_used_again():
    def run(mode: str, **environment: str) -> tuple[int, int]:
        found = subprocess.run(
            [sys.executable, "-c", _REUSE, mode],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": ".", **environment},
        )
        kept, faults = found.stdout.split()
        return int(kept), int(faults)

    assert run("keep", MALLOC_TRIM_THRESHOLD_="1000000")[0] == 0  # the environment wins
    kept, faults = run("keep")
    if not kept:
        pytest.skip("the C library here has no mallopt")
    assert faults < 10 < 1_000 < run("leave")[1]
