"""The machine, chosen once per process: seed, device, number type, threads, compiler."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llm.errors import ConfigError

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "float32", "bfloat16"]

# No tool of the house reports to its maker. A value that stands in the environment wins.
TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "SCARF_NO_ANALYTICS": "true",
}


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where and how tensors are computed.

    autocast: matrix products run in bfloat16 while weights stay float32.
    compile: torch.compile is used; needs a C++ compiler on a CPU.
    """

    device: torch.device
    autocast: bool
    threads: int
    compile: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which process of a training this is: `rank` of `world_size`, `local_rank` of its machine's.

    A process by itself is 0 of 1.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1


def choose_runtime(*, seed: int, precision: Precision, compile: bool = False) -> Runtime:
    """Seed every global generator, bound the threads and settle device and number type.

    `LLM_DEVICE` (cpu, cuda, cuda:1, mps), `LLM_THREADS` and `LLM_COMPILE` (0 or 1) describe the
    machine. precision "auto" is bfloat16 where the hardware multiplies it natively, else float32.
    compile asks for torch.compile; without a C++ compiler, or in a path
    with a space, the run goes on uncompiled.
    """
    import torch

    threads = choose_threads()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    keep_freed_memory()
    device = _device(os.environ.get("LLM_DEVICE") or "auto")
    wanted = environment_integer("LLM_COMPILE", 1) == 1
    compile = compile and wanted
    if compile and device.type == "cpu" and not has_compiler():
        print("Training goes on uncompiled: no C++ compiler, or a space in torch's path.")
        compile = False
    return Runtime(
        device=device,
        autocast=precision == "bfloat16" or (precision == "auto" and _multiplies_bfloat16(device)),
        threads=threads,
        compile=compile,
    )


def is_worker() -> bool:
    """Whether torchrun started this process, by `llm.launch` or by itself."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def place() -> Place:
    """What torchrun tells its processes by their environment (these names are in its manual)."""
    if not is_worker():
        return Place()
    return Place(
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
        local_rank=int(os.environ["LOCAL_RANK"]),
        local_world_size=int(os.environ["LOCAL_WORLD_SIZE"]),
    )


def silence_telemetry() -> None:
    """Turn off the usage reports of every tool, in this process and in its children.

    Call it before the tools are imported: some read the environment only then.
    """
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)


def end_with_parent() -> None:
    """Let the kernel end this process when its parent dies (Linux; elsewhere nothing happens).

    A killed `dvc repro` would otherwise leave its stage running, to write where the next run
    writes.
    """
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG in prctl(2)
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call
        os.kill(os.getpid(), signal.SIGKILL)


def choose_threads() -> int:
    """Threads to compute with: `LLM_THREADS`; where it is unset or 0, every core of the machine.

    The processes of one training share the cores.
    """
    cores = max(1, (os.cpu_count() or 1) // place().local_world_size)
    return environment_integer("LLM_THREADS", 0) or cores


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees; return whether its allocator can (glibc).

    A training step frees its large tensors, and the next asks for the same sizes. By itself glibc
    hands each block back to the kernel, which clears it page by page when it is asked for again:
    up to a quarter of the step of a small GPT (benchmarks/LOG.md). See mallopt(3), whose
    environment variables win.
    """
    import ctypes

    if sys.platform != "linux" or not hasattr(library := ctypes.CDLL(None), "mallopt"):
        return False
    if any(name in os.environ for name in ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")):
        return False
    trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of malloc.h
    never = -1
    return all((library.mallopt(trim_threshold, never), library.mallopt(mmap_max, 0)))


def has_compiler() -> bool:
    """Whether torch.compile can build for the CPU here.

    It needs a C++ compiler on PATH (or in $CXX), and hands it torch's own folder unquoted: in a
    path with a space the build fails (seen with torch 2.13.0), so that counts as none.
    """
    import torch

    if any(" " in place for place in torch.__path__):
        return False
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "g++", "clang++"))


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and is_worker():  # each process of a machine has a GPU of its own
        name = f"cuda:{place().local_rank}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            "The device cannot be used.",
            where="environment variable LLM_DEVICE, or LLM_NPROC",
            found=f"{name!r}: {str(error).splitlines()[0]}",
            expected="cpu, cuda, cuda:N or mps, present on this machine; a GPU for each process",
            remedy="unset LLM_DEVICE to choose by itself; lower LLM_NPROC to the number of GPUs",
        ) from error
    return device


def _multiplies_bfloat16(device: torch.device) -> bool:
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.backends.cpu.get_cpu_capability().startswith("AVX512")) and bool(
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    return False


def environment_integer(name: str, default: int) -> int:
    """A whole number of at least 0 from the environment. Raises ConfigError for anything else."""
    text = os.environ.get(name)
    if not text:
        return default
    if not text.isdecimal():
        raise ConfigError(
            "An environment variable is not a whole number.",
            where=f"environment variable {name}",
            found=repr(text),
            expected="a whole number of at least 0",
            remedy=f"unset {name} or give it a number",
        )
    return int(text)
