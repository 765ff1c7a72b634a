"""Tokens per second and memory of a pretraining step, ours and the peers'.

Each side runs in a process of its own:
LLM_DEVICE=cpu python -m benchmarks.train_step SIDE SHAPE BATCH_SIZE STEPS RESULT.json
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.house import ROOT
from benchmarks.measure import cores, run_measured
from benchmarks.peers.step import Step
from llm.files import read_json, write_json
from llm.model.config import GPTConfig
from llm.tracking import NullTracker

SEED = 1
_STREAM_WINDOWS = 512
_KIBIBYTE = 1024  # ru_maxrss is in these on Linux, getrusage(2)


def _shape(n_layers: int, emb_dim: int, n_heads: int, context: int, vocab_size: int) -> GPTConfig:
    return GPTConfig(
        context_length=context,
        emb_dim=emb_dim,
        n_heads=n_heads,
        n_layers=n_layers,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
        vocab_size=vocab_size,
    )


SHAPES = {
    "small": _shape(4, 256, 4, 256, 4096),
    "124M-256": _shape(12, 768, 12, 256, 50_257),
    "124M-1024": _shape(12, 768, 12, 1024, 50_257),
}


def measure(
    side: str, shape: str, *, batch_size: int, steps: int, work: Path, device: str = "cpu"
) -> Mapping[str, float]:
    """What `main` found for one side, in a fresh process; compiled code is kept in `work`."""
    name = f"{shape}-{side}-{batch_size}"
    result = work / "train" / f"{name}.json"
    run_measured(
        [
            *(sys.executable, "-m", "benchmarks.train_step"),
            *(side, shape, str(batch_size), str(steps), result),
        ],
        cwd=ROOT,
        log=work / "train" / f"{name}.log",
        environment={
            "LLM_DEVICE": device,
            "TORCHINDUCTOR_CACHE_DIR": str(work / "inductor" / side),
        },
        memory=False,  # the process tells its own
    )
    found: dict[str, float] = read_json(result, made_by="train_step")
    return found


def seconds_of_ours(
    config: GPTConfig,
    batch_size: int,
    steps: int,
    *,
    compile: bool = True,
    recompute: bool = False,
) -> list[float]:
    """Seconds of each step of the house's own loop, its loader included."""
    from llm.model.gpt import GPTModel
    from llm.runtime import choose_runtime
    from llm.training.config import TrainingConfig
    from llm.training.loop import train
    from llm.training.next_token import NextTokenTask

    settings = TrainingConfig(
        batch_size=batch_size,
        epochs=1,
        maximum_steps=steps,
        learning_rate=6e-4,
        min_learning_rate=6e-5,
        warmup_fraction=0.1,
        weight_decay=0.1,
        compile=compile,
        recompute=recompute,
        evaluate_every_steps=steps,
        checkpoint_every_steps=steps,
    )
    runtime = choose_runtime(seed=SEED, precision=settings.precision, compile=settings.compile)
    watch = _StopWatch()
    train(
        GPTModel(config),
        NextTokenTask(validation_loss=lambda _: 0.0),
        _loader(config, batch_size),
        config=settings,
        runtime=runtime,
        seed=SEED,
        checkpoints=None,
        tracker=watch,
        name="training step",
    )
    return [after - before for before, after in zip(watch.times, watch.times[1:], strict=False)]


class _StopWatch(NullTracker):
    """Notes when each step ended."""

    def __init__(self) -> None:
        self.times = [time.perf_counter()]

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        if step is not None and "step_loss" in metrics:
            self.times.append(time.perf_counter())


def seconds_of_peer(
    build: Callable[[GPTConfig], Step], config: GPTConfig, batch_size: int, steps: int
) -> list[float]:
    """Seconds of each step of a peer, batches from the same loader."""
    import torch

    torch.set_num_threads(cores())
    torch.manual_seed(SEED)
    step, loader = build(config), _loader(config, batch_size)
    seconds = []
    for _ in range(steps):
        began = time.perf_counter()
        batch = loader.next_batch()
        step(batch["inputs"], batch["targets"])
        seconds.append(time.perf_counter() - began)
    return seconds


def matrix_peak(size: int = 2048, seconds: float = 2.0) -> float:
    """Floating-point operations a second of square bfloat16 matrix products, the best of several.

    In float32 where the machine has no native bfloat16, as in training.
    """
    import torch

    from llm.runtime import choose_runtime

    runtime = choose_runtime(seed=SEED, precision="auto")
    dtype = torch.bfloat16 if runtime.autocast else torch.float32
    matrix = torch.randn(size, size).to(dtype)
    best, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        torch.mm(matrix, matrix)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _loader(config: GPTConfig, batch_size: int) -> Any:
    import numpy as np

    from llm.tokens.loader import WindowLoader
    from llm.tokens.windows import Windows

    length = config.context_length
    ids = np.random.default_rng(SEED).integers(
        0, config.vocab_size, _STREAM_WINDOWS * length + 1, dtype=np.uint16
    )
    windows = Windows(token_ids=ids, context_length=length, stride=length)
    return WindowLoader(windows, batch_size=batch_size, seed=SEED)


def main(arguments: list[str]) -> None:
    """Measure one side; write tokens per second, seconds of the first step, and peak memory.

    The first step compiles, and is not among those whose median counts. The memory is the highest
    resident size of the process, its interpreter and libraries included.
    """
    side, name, batch_size, steps, result = arguments
    if side == "peak":
        write_json(Path(result), {"flops": matrix_peak()})
        return
    config = SHAPES[name]
    if side.startswith("ours"):
        seconds = seconds_of_ours(
            config, int(batch_size), int(steps), recompute=side == "ours-recompute"
        )
    else:
        from benchmarks.peers import book, hugging_face, reference

        builders: dict[str, Callable[[GPTConfig], Step]] = {
            "book": book.build,
            "reference": partial(reference.build, device=os.environ["LLM_DEVICE"]),
            "transformers": hugging_face.build,
        }
        seconds = seconds_of_peer(builders[side], config, int(batch_size), int(steps))
    tokens = int(batch_size) * config.context_length
    write_json(
        Path(result),
        {
            "tokens_per_second": tokens / statistics.median(seconds[1:]),
            "first_step_seconds": seconds[0],
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
