"""Seconds of a training step while a checkpoint is written beside it, against those without.

.venv/bin/python -m benchmarks.checkpointing
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Row, row, table
from benchmarks.train_step import SEED, SHAPES
from llm.training.config import TrainingConfig

_AT_LEAST = 0.95  # a step may take a twentieth longer


def rows() -> list[Row]:
    """The sizes `small` and 124M, uncompiled, with the update and the saver of every training.

    Means of some steps: beside a write, the first of them waits for the copy. The first checkpoint
    is written before, for it also takes the memory that the later ones use again.
    """
    found = []
    for shape, batch_size, steps in (("small", 16, 12), ("124M-256", 8, 3)):
        alone, beside = _seconds(shape, batch_size, steps=steps)
        found.append(
            row(
                f"step while a checkpoint is written, {shape}",
                unit="s",
                ours=beside,
                peer=alone,
                peer_name="the same step, none written",
                at_least=_AT_LEAST,
                lower_is_better=True,
            )
        )
    return found


def _seconds(shape: str, batch_size: int, *, steps: int) -> tuple[float, float]:
    """Mean seconds of a step, alone and beside a write; each of `steps` steps."""
    import torch

    from llm.model.gpt import GPTModel
    from llm.runtime import choose_runtime
    from llm.training.checkpoint import Checkpoint
    from llm.training.determinism import deterministic
    from llm.training.next_token import NextTokenTask
    from llm.training.optimizer import build_optimizer, optimizer_state
    from llm.training.parallel import Alone
    from llm.training.saver import Saver
    from llm.training.update import Updater

    config = SHAPES[shape]
    settings = _settings(batch_size)
    runtime = choose_runtime(seed=SEED, precision="auto")
    model = GPTModel(config)
    optimizer = build_optimizer(model, settings)
    updater = Updater(
        Alone(model, runtime),
        NextTokenTask(validation_loss=lambda _: 0.0),
        optimizer,
        config=settings,
        runtime=runtime,
        seed=SEED,
        name=shape,
    )
    tokens = torch.randint(0, config.vocab_size, (batch_size, config.context_length + 1))
    batch = {"inputs": tokens[:, :-1].contiguous(), "targets": tokens[:, 1:].contiguous()}

    def run(count: int) -> float:
        began = time.perf_counter()
        for step in range(count):
            updater.update(step, [batch], learning_rate=1e-4, stop=lambda: False)
        return (time.perf_counter() - began) / count

    def save() -> None:
        weights: dict[str, torch.Tensor] = dict(model.named_parameters())
        state = optimizer_state(model, optimizer)
        saver.save(Checkpoint(step=1, weights=weights, optimizer=state, state={}))

    with (
        tempfile.TemporaryDirectory() as folder,
        deterministic(),
        Saver(Path(folder), keep=1, name=shape) as saver,
    ):
        run(1)
        save()
        saver.wait()
        without = run(steps)
        began = time.perf_counter()
        save()
        copied = time.perf_counter() - began
        return without, run(steps) + copied / steps


def _settings(batch_size: int) -> TrainingConfig:
    return TrainingConfig(
        batch_size=batch_size,
        epochs=1.0,
        learning_rate=1e-4,
        min_learning_rate=1e-5,
        warmup_fraction=0.1,
        weight_decay=0.1,
        evaluate_every_steps=1,
        checkpoint_every_steps=1,
    )


def main() -> int:
    """Print the rows as a table."""
    print(table(rows()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
