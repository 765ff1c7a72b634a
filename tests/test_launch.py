"""The launcher: real processes by torchrun, one voice, one error, and nobody left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from llm.config import read_params
from llm.weights.export import load_model
from pipelines.processes import FAMILY
from tests.stages.test_pretrain import documents

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SHAPE = {"context_length": 16, "emb_dim": 16, "n_heads": 2, "n_layers": 2}
START_SECONDS = 240  # several processes import torch, on a machine that may be busy

Stage = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def stage(root: Path, tmp_path: Path) -> Iterator[Stage]:
    """Starts the stage pretrain on small data in LLM_NPROC processes; ends what is left."""
    from llm.tokens.tokenizer import train
    from llm.tokens.writing import write_shards

    texts = [documents(0, 60)[0]["text"][row].as_py() for row in range(60)]
    tokenizer = train(texts, vocab_size=280)
    tokenizer.save(tmp_path / "tokenizer")
    for split, (first, last) in (("train", (0, 50)), ("validation", (50, 60))):
        place = tmp_path / split
        write_shards(
            documents(first, last), place, tokenizer=tokenizer, shard_tokens=1_000, threads=1
        )
    (tmp_path / "validated.json").write_text("{}")
    started: list[subprocess.Popen[str]] = []

    def start(*, environment: dict[str, str], **training: Any) -> subprocess.Popen[str]:
        settings = read_params(root / "params.yaml")
        pretrain = settings["pretrain"]
        pretrain["model"] |= SHAPE
        pretrain |= {"stride": 16, "evaluation_tokens": 100, "sample_every_steps": 10}
        steps = {"maximum_steps": 20, "evaluate_every_steps": 10, "checkpoint_every_steps": 10}
        pretrain["training"] |= {"epochs": 1000.0, **steps, **training}
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        names = {"weights": "weights", "history": "history.csv", "samples": "samples.json"}
        names |= {"checkpoints": "checkpoints", "metrics": "metrics.json"}
        names |= {name: name for name in ("params", "train", "validation", "tokenizer")}
        names |= {"params": "params.yaml", "validated": "validated.json"}
        words = [word for name, file in names.items() for word in (f"--{name}", file)]
        process = subprocess.Popen(
            [sys.executable, "-m", "llm", "pretrain", *words],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(root),
                "LLM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "LLM_TRACKING": "off",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def workers(process: subprocess.Popen[str], count: int) -> list[psutil.Process]:
    """The processes that a launcher started, once all of them train."""
    deadline = time.monotonic() + START_SECONDS
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("pretraining: step 0"):
            break
        assert time.monotonic() < deadline
    found = psutil.Process(process.pid).children(recursive=True)
    assert len(found) == count
    return found


def test_a_stage_runs_in_several_processes_and_one_of_them_speaks(
    stage: Stage, tmp_path: Path
) -> None:
    process = stage(environment={"LLM_NPROC": "2"})
    output, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 0, errors
    assert output.count("step 20 of 20") == 1
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["steps"] == 20
    assert load_model(tmp_path / "weights", made_by="pretrain").config.emb_dim == 16
    assert not (tmp_path / "checkpoints").exists()


def test_an_error_is_told_once_with_its_exit_code(stage: Stage, tmp_path: Path) -> None:
    process = stage(environment={"LLM_NPROC": "2"}, batch_size=3)
    _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 2
    assert errors.count("ConfigError: The processes cannot share batches evenly.") == 1
    assert "set batch_size to 4" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "weights").exists()


def test_a_shared_checkpoint_that_cannot_be_written_is_told_once(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").touch()
    process = stage(environment={"LLM_NPROC": "2"}, parallel="fsdp")
    _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 4
    assert errors.count("ServiceError: A checkpoint could not be written.") == 1
    for label in ("where", "found", "expected", "remedy"):
        assert f"  {label}:" in errors
    assert "Not a directory" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_no_process_outlives_a_killed_launcher(stage: Stage) -> None:
    process = stage(environment={"LLM_NPROC": "2"}, maximum_steps=10_000_000)
    alive = workers(process, 2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, left = psutil.wait_procs(alive, timeout=20)
    assert not left


def test_a_killed_process_ends_the_training_and_is_named(stage: Stage) -> None:
    process = stage(environment={"LLM_NPROC": "2"}, maximum_steps=10_000_000)
    alive = workers(process, 2)
    alive[1].kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert "Training stopped: process 1 of 2 was ended by SIGKILL." in errors
    assert not psutil.wait_procs(alive, timeout=5)[1]


def test_an_interrupt_from_all_sides_saves_once_and_one_process_goes_on(
    stage: Stage, tmp_path: Path
) -> None:
    """The pipeline signals every process it started, and the launcher passes the signal on."""
    process = stage(environment={"LLM_NPROC": "2", FAMILY: "test"}, maximum_steps=10_000_000)
    alive = workers(process, 2)
    time.sleep(0.5)  # the first step, before which there is nothing to save
    for each in [*alive, psutil.Process(process.pid)]:
        each.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Interrupted. Start the same command again to go on." in errors
    assert not psutil.wait_procs(alive, timeout=5)[1]
    (saved,) = sorted((tmp_path / "checkpoints").glob("*/step-*"))[-1:]
    assert f"stopped; step {int(saved.name[5:])} is saved" in output


def test_two_machines_meet_where_the_environment_says(stage: Stage, tmp_path: Path) -> None:
    """Both are this one; `LLM_SPREAD` starts the command twice, as srun does on two nodes."""
    from pipelines.servers import free_port

    spread = tmp_path / "spread.sh"
    spread.write_text(
        '#!/bin/sh\nSLURM_NODEID=1 "$@" &\nother=$!\nSLURM_NODEID=0 "$@" || exit $?\nwait $other\n',
        encoding="utf-8",
    )
    spread.chmod(0o755)
    process = stage(
        environment={
            "LLM_NODES": "2",
            "LLM_NPROC": "1",
            "LLM_RENDEZVOUS": f"localhost:{free_port()}",
            "LLM_SPREAD": str(spread),
        },
        parallel="fsdp",
    )
    output, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 0, errors
    assert output.count("step 20 of 20") == 1
    assert (tmp_path / "weights").is_dir()


def test_several_machines_need_a_place_to_meet(stage: Stage) -> None:
    process = stage(environment={"LLM_NODES": "2"})
    _, errors = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 2
    assert "LLM_RENDEZVOUS" in errors
