"""Seconds of a training step while a checkpoint is written beside it, against those without.

.venv/bin/python -m benchmarks.checkpointing
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Row, row, table
from benchmarks.train_step import SEED, SHAPES
from llm.tracking import NullTracker

_AT_LEAST = 0.95  # a step may take a twentieth longer
_WINDOWS = 512


def rows() -> list[Row]:
    """The sizes `small` and 124M, uncompiled, on the loop that every training uses.

    A step counts as beside a write where the checkpoint is copied in it, or written during it.
    Means, for the copy meets one step alone; the first checkpoint is left out, which also takes
    the memory that the later ones use again.
    """
    found = []
    # Saved every so many steps; the longer the step, the fewer are needed.
    for shape, batch_size, every, saves in (("small", 16, 6, 6), ("124M-256", 16, 2, 3)):
        beside, alone = _seconds(shape, batch_size, every=every, saves=saves)
        found.append(
            row(
                f"step while a checkpoint is written, {shape}",
                unit="s",
                ours=statistics.mean(beside),
                peer=statistics.mean(alone),
                peer_name="the same step, none written",
                at_least=_AT_LEAST,
                lower_is_better=True,
            )
        )
    return found


class _Watch(NullTracker):
    """Notes when each step ended, and whether a checkpoint was being written then."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, float, bool]] = []

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        if step is not None and "step_loss" in metrics:
            writing = any(thread.name == "checkpoint" for thread in threading.enumerate())
            self.ends.append((step, time.perf_counter(), writing))


def _seconds(
    shape: str, batch_size: int, *, every: int, saves: int
) -> tuple[list[float], list[float]]:
    """Seconds of the steps beside a write, and of those alone."""
    import numpy as np

    from llm.model.gpt import GPTModel
    from llm.runtime import choose_runtime
    from llm.tokens.loader import WindowLoader
    from llm.tokens.windows import Windows
    from llm.training.config import TrainingConfig
    from llm.training.loop import train
    from llm.training.next_token import NextTokenTask

    config = SHAPES[shape]
    steps = every * saves
    settings = TrainingConfig(
        batch_size=batch_size,
        epochs=10.0,
        maximum_steps=steps,
        learning_rate=6e-4,
        min_learning_rate=6e-5,
        warmup_fraction=0.1,
        weight_decay=0.1,
        evaluate_every_steps=steps,
        checkpoint_every_steps=every,
    )
    length = config.context_length
    ids = np.random.default_rng(SEED).integers(0, config.vocab_size, _WINDOWS * length + 1)
    windows = Windows(token_ids=ids.astype(np.uint16), context_length=length, stride=length)
    watch = _Watch()
    with tempfile.TemporaryDirectory() as folder:
        train(
            GPTModel(config),
            NextTokenTask(validation_loss=lambda _: 0.0),
            WindowLoader(windows, batch_size=batch_size, seed=SEED),
            config=settings,
            runtime=choose_runtime(seed=SEED, precision="auto"),
            seed=SEED,
            checkpoints=Path(folder),
            tracker=watch,
            name=f"steps of {shape}",
        )
    beside, alone = [], []
    for (step, began, writing), (_, ended, _) in zip(watch.ends, watch.ends[1:], strict=False):
        saved = step % every == 0  # a step's end is noted before its checkpoint is copied
        if (saved or writing) and step > every:
            beside.append(ended - began)
        elif not (saved or writing):
            alone.append(ended - began)
    return beside, alone


def main() -> int:
    """Print the rows as a table."""
    print(table(rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
