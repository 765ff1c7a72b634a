"""Tokens per second of the loader, against those of the training step that it feeds.

Each is measured in a process of its own: python -m benchmarks.loading loader|step RESULT.json
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.house import ROOT
from benchmarks.measure import Row, alternate, row, run_measured
from llm.files import read_json, write_json

if TYPE_CHECKING:
    from llm.tokens.loader import WindowLoader

AT_LEAST = 50.0
_LAYERS, _WIDTH, _HEADS, _CONTEXT, _VOCAB_SIZE = 4, 256, 4, 256, 4096
_BATCH = 16
_STREAM_TOKENS = 5_000_000
_SEED = 1


def rows(work: Path, *, repeats: int, steps: int = 15, seconds: float = 3.0) -> list[Row]:
    """One row. The step is the trainer's own, forward, backward and update: in bfloat16 and
    compiled where the machine can. steps, seconds: how long each is measured."""

    def measure(what: str, amount: float) -> float:
        result = work / "loading" / f"{what}.json"
        run_measured(
            [sys.executable, "-m", "benchmarks.loading", what, str(amount), result],
            cwd=ROOT,
            log=work / "loading" / f"{what}.log",
            environment={},
        )
        return float(read_json(result, made_by="loading"))

    loader, step = alternate(
        repeats, lambda: measure("loader", seconds), lambda: measure("step", steps)
    )
    return [
        row(
            f"loader: batches of {_BATCH} × {_CONTEXT}",
            unit="tokens/s",
            ours=loader,
            peer=step,
            peer_name=f"our training step, {_LAYERS} layers × {_WIDTH}, vocabulary {_VOCAB_SIZE}",
            at_least=AT_LEAST,
        )
    ]


def window_loader() -> WindowLoader:
    """A loader over a stream of random ids, as large as a small corpus."""
    import numpy as np

    from llm.tokens.loader import WindowLoader
    from llm.tokens.windows import Windows

    ids = np.random.default_rng(_SEED).integers(0, _VOCAB_SIZE, _STREAM_TOKENS, dtype=np.uint16)
    windows = Windows(token_ids=ids, context_length=_CONTEXT, stride=_CONTEXT)
    return WindowLoader(windows, batch_size=_BATCH, seed=_SEED)


def loader_rate(seconds: float) -> float:
    """Tokens per second that come out of the loader, one batch after the other."""
    loader = window_loader()
    tokens, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        tokens += loader.next_batch()["inputs"].numel()
    return tokens / passed


def step_rate(steps: int, *, compile: bool = True) -> float:
    """Tokens per second of training steps, the first one left out."""
    from llm.model.config import GPTConfig
    from llm.model.gpt import GPTModel
    from llm.runtime import choose_runtime
    from llm.tracking import MemoryTracker
    from llm.training.config import TrainingConfig
    from llm.training.loop import train
    from llm.training.next_token import NextTokenTask

    config = TrainingConfig(
        batch_size=_BATCH,
        epochs=1,
        maximum_steps=steps,
        learning_rate=1e-3,
        min_learning_rate=1e-4,
        warmup_fraction=0.1,
        weight_decay=0.1,
        compile=compile,
        evaluate_every_steps=steps,
        checkpoint_every_steps=steps,
    )
    shape = GPTConfig(
        context_length=_CONTEXT,
        emb_dim=_WIDTH,
        n_heads=_HEADS,
        n_layers=_LAYERS,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
        vocab_size=_VOCAB_SIZE,
    )
    runtime = choose_runtime(seed=_SEED, precision=config.precision, compile=config.compile)
    tracker = MemoryTracker()
    train(
        GPTModel(shape),
        NextTokenTask(validation_loss=lambda _: 0.0),
        window_loader(),
        config=config,
        runtime=runtime,
        seed=_SEED,
        checkpoints=None,
        tracker=tracker,
        name="training step",
    )
    return tracker.timings["tokens_per_second"]


if __name__ == "__main__":
    what, amount, result = sys.argv[1:]
    rate = loader_rate(float(amount)) if what == "loader" else step_rate(int(amount))
    write_json(Path(result), rate)
