"""The launcher: one training in several processes, on one machine or several, by torchrun.

`LLM_NPROC` processes per machine, `LLM_NODES` machines, of which this one is `LLM_NODE_RANK`
(within Slurm: `SLURM_NODEID`), and machine 0 listens at `LLM_RENDEZVOUS`, as host:port. All of it
describes the machines and no result: it is environment, never a setting.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llm.errors import ConfigError, PipelineError
from llm.runtime import environment_integer

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
    from torch.distributed.launcher.api import LaunchConfig

# A command that starts its arguments once on every machine, as Slurm's srun does.
SPREAD = "LLM_SPREAD"
MEETING_SECONDS = 900  # how long machines wait for the last one to come


def wanted_processes() -> int:
    """How many processes the environment asks for, on all machines together."""
    return _count("LLM_NPROC") * _count("LLM_NODES")


def launch(arguments: Sequence[str]) -> int:
    """Run `python -m llm ARGUMENTS` in as many processes as wanted; return the exit code.

    The first one's output is ours. Where one fails the others are ended, and the fault that came
    first is told once. Raises KeyboardInterrupt where SIGINT or SIGTERM came: the processes are
    told, and have half a minute to save.
    """
    spread = os.environ.pop(SPREAD, None)
    if spread:  # the same command on every machine takes our place
        words = shlex.split(spread)
        os.execvp(words[0], [*words, sys.executable, "-m", "llm", *arguments])
    # torchrun's own words: what went wrong is told below.
    os.environ.setdefault("LOGLEVEL", "CRITICAL")
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    with tempfile.TemporaryDirectory(prefix="llm-launch-") as folder:
        try:
            elastic_launch(_config(Path(folder)), sys.executable)("-m", "llm", *arguments)
        except ChildFailedError as error:
            return _tell(error)
        except SignalException as error:
            raise KeyboardInterrupt from error
    return 0


def report(error: PipelineError) -> None:
    """Leave an error of this worker where the launcher finds it; torchrun's own reads it too."""
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    text = f"{type(error).__name__}: {error}"
    if path is None:
        print(f"\n{text}", file=sys.stderr)
        return
    Path(path).write_text(json.dumps({"message": text, "timestamp": 0}), encoding="utf-8")


def _config(folder: Path) -> LaunchConfig:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    nodes = _count("LLM_NODES")
    meeting = os.environ.get("LLM_RENDEZVOUS", "")
    if nodes > 1 and not meeting.rpartition(":")[2].isdecimal():
        raise ConfigError(
            "Several machines need a place to meet.",
            where="environment variable LLM_RENDEZVOUS",
            found=repr(meeting),
            expected=f"host:port of the first of {nodes} machines",
            remedy="set LLM_RENDEZVOUS, or unset LLM_NODES to train on this machine alone",
        )
    rank = environment_integer(
        "LLM_NODE_RANK", environment_integer("SLURM_NODEID", 0) if nodes > 1 else 0
    )
    return LaunchConfig(
        min_nodes=nodes,
        max_nodes=nodes,
        nproc_per_node=_count("LLM_NPROC"),
        run_id="llm",
        # Machine 0 of several holds process 0, which writes; one alone takes any free port.
        rdzv_backend="static" if nodes > 1 else "c10d",
        rdzv_endpoint=meeting if nodes > 1 else "localhost:0",
        rdzv_configs={"rank": rank, "timeout": MEETING_SECONDS} if nodes > 1 else {},
        local_addr=None if nodes > 1 else "localhost",
        max_restarts=0,  # the caller starts again, and goes on from the checkpoint
        logs_specs=DefaultLogsSpecs(log_dir=str(folder)),
    )


def _tell(error: ChildFailedError) -> int:
    """Print what failed first, if it did not say so itself; return its exit code."""
    rank, failure = min(error.failures.items(), key=lambda item: _blame(item[1]))
    code = failure.exitcode
    if code == 130:
        raise KeyboardInterrupt
    who = f"process {rank} of {wanted_processes()}"
    if code < 0:
        name = signal.Signals(-code).name
        print(f"\nTraining stopped: {who} was ended by {name}.", file=sys.stderr)
        return 128 - code
    if Path(failure.error_file).is_file():
        print(f"\n{failure.message}" + (f"\n  by:       {who}" if rank else ""), file=sys.stderr)
    else:
        print(f"\nTraining stopped: {who} failed, see above.", file=sys.stderr)
    return code


def _blame(failure: ProcessFailure) -> int:
    """Causes first: a process that was killed, an error that was told, then what followed."""
    if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
        return 0
    return 1 if Path(failure.error_file).is_file() else 2


def _count(name: str) -> int:
    count = environment_integer(name, 1)
    if count < 1:
        raise ConfigError(
            "At least one process is needed.",
            where=f"environment variable {name}",
            found=count,
            remedy=f"unset {name}, or give it 1 or more",
        )
    return count
