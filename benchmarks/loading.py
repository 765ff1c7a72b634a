"""Tokens per second of the loader, against those of the training step that it feeds.

Each is measured in a process of its own: python -m benchmarks.loading SECONDS RESULT.json for the
loader, and benchmarks.train_step for the step.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import train_step
from benchmarks.house import ROOT
from benchmarks.measure import Row, alternate, row, run_measured
from llm.files import read_json, write_json

if TYPE_CHECKING:
    from llm.tokens.loader import WindowLoader

AT_LEAST = 50.0
_SHAPE = train_step.SHAPES["small"]
_BATCH = 16
_STREAM_TOKENS = 5_000_000
_SEED = 1


def rows(work: Path, *, repeats: int, steps: int = 15, seconds: float = 3.0) -> list[Row]:
    """One row. The step is the trainer's own, forward, backward and update: in bfloat16 and
    compiled where the machine can. steps, seconds: how long each is measured."""

    def rate_of_loader() -> float:
        result = work / "loading" / "loader.json"
        run_measured(
            [sys.executable, "-m", "benchmarks.loading", str(seconds), result],
            cwd=ROOT,
            log=work / "loading" / "loader.log",
            environment={},
        )
        return float(read_json(result, made_by="loading"))

    def rate_of_step() -> float:
        found = train_step.measure("ours", "small", batch_size=_BATCH, steps=steps, work=work)
        return found["tokens_per_second"]

    loader, step = alternate(repeats, rate_of_loader, rate_of_step)
    shape = f"{_SHAPE.n_layers} layers × {_SHAPE.emb_dim}, vocabulary {_SHAPE.vocab_size}"
    return [
        row(
            f"loader: batches of {_BATCH} × {_SHAPE.context_length}",
            unit="tokens/s",
            ours=loader,
            peer=step,
            peer_name=f"our training step, {shape}",
            at_least=AT_LEAST,
        )
    ]


def window_loader() -> WindowLoader:
    """A loader over a stream of random ids, as large as a small corpus."""
    import numpy as np

    from llm.tokens.loader import WindowLoader
    from llm.tokens.windows import Windows

    length = _SHAPE.context_length
    ids = np.random.default_rng(_SEED).integers(
        0, _SHAPE.vocab_size, _STREAM_TOKENS, dtype=np.uint16
    )
    windows = Windows(token_ids=ids, context_length=length, stride=length)
    return WindowLoader(windows, batch_size=_BATCH, seed=_SEED)


def loader_rate(seconds: float) -> float:
    """Tokens per second that come out of the loader, one batch after the other."""
    loader = window_loader()
    tokens, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        tokens += loader.next_batch()["inputs"].numel()
    return tokens / passed


if __name__ == "__main__":
    write_json(Path(sys.argv[2]), loader_rate(float(sys.argv[1])))
