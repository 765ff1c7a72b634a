"""Three small trainings on made-up tokens: pretraining, classification, instruction tuning.

Each crosses several epochs, drops out, evaluates and saves on the way: what `benchmarks.soak`
kills. Everything in them follows from the constants here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from llm.evaluation.perplexity import mean_loss
from llm.finetuning.classification import ClassificationTask
from llm.finetuning.examples import Example, ExampleLoader
from llm.finetuning.instructions import InstructionTask, instruction_example
from llm.model.classifier import Classifier
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.loader import WindowLoader
from llm.tokens.windows import Windows
from llm.tracking import NullTracker
from llm.training.config import TrainingConfig
from llm.training.loop import train
from llm.training.next_token import NextTokenTask
from llm.training.task import Loader, Task

SAMPLES = 45  # windows or examples: no multiple of the batch, so that epochs end inside batches
STEPS = 40  # of 4 samples: three and a half epochs
VOCABULARY = 300
LENGTH = 32
THREADS = 2  # so that what depends on their order would show


class Noting:
    """A loader that appends the samples of every batch to a file, with their place in the epoch."""

    def __init__(self, loader: Any, log: Path) -> None:
        self._loader = loader
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.batches_per_epoch: float = loader.batches_per_epoch
        self.state: Callable[[], dict[str, Any]] = loader.state
        self.restore: Callable[[dict[str, Any]], None] = loader.restore
        self.describe: Callable[[list[int]], list[str]] = loader.describe

    def next_batch(self) -> dict[str, Tensor]:
        """The loader's next batch. Its line is one write: a kill leaves it whole or absent."""
        place = self._loader.state()
        batch: dict[str, Tensor] = self._loader.next_batch()
        ids = [number for number in batch["sample_ids"].tolist() if number >= 0]
        line = json.dumps([place["epoch"], place["position"], ids]) + "\n"
        os.write(self._log, line.encode())
        return batch


_Build = Callable[[GPTModel, Runtime], tuple[nn.Module, Task, Loader]]


def run(kind: str, folder: Path) -> None:
    """Train one of KINDS from its last checkpoint in `folder`/checkpoints, or from its start, to
    its end; note its samples in `folder`/samples.jsonl."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    torch.set_num_threads(THREADS)
    torch.manual_seed(1)
    runtime = Runtime(device=torch.device("cpu"), autocast=False, threads=THREADS, compile=False)
    gpt = GPTModel(
        GPTConfig(
            vocab_size=VOCABULARY,
            context_length=LENGTH,
            emb_dim=64,
            n_heads=2,
            n_layers=2,
            drop_rate=0.1,
            qkv_bias=True,
            tie_embeddings=True,
        )
    )
    model, task, loader = KINDS[kind](gpt, runtime)
    train(
        model,
        task,
        Noting(loader, folder / "samples.jsonl"),
        config=TrainingConfig(
            batch_size=4,
            epochs=100.0,
            maximum_steps=STEPS,
            learning_rate=1e-3,
            min_learning_rate=1e-4,
            warmup_fraction=0.1,
            weight_decay=0.1,
            evaluate_every_steps=9,
            checkpoint_every_steps=2,
        ),
        runtime=runtime,
        seed=4,
        checkpoints=folder / "checkpoints",
        tracker=NullTracker(),
        name=kind,
    )


def _pretraining(gpt: GPTModel, _runtime: Runtime) -> tuple[nn.Module, Task, Loader]:
    tokens = np.random.default_rng(2).integers(0, VOCABULARY, SAMPLES * LENGTH + 1)
    windows = Windows(token_ids=tokens, context_length=LENGTH, stride=LENGTH)
    task = NextTokenTask(validation_loss=lambda model: mean_loss(model, tokens[:200], batch_size=4))
    return gpt, task, WindowLoader(windows, batch_size=4, seed=3)


def _classification(gpt: GPTModel, runtime: Runtime) -> tuple[nn.Module, Task, Loader]:
    examples = [
        Example(token_ids=ids, targets=(-100,) * (len(ids) - 1) + (number % 2,))
        for number, ids in enumerate(_texts())
    ]
    task = ClassificationTask(
        examples[:8], class_weights=(1.0, 2.0), batch_size=4, maximum_tokens=LENGTH, runtime=runtime
    )
    return Classifier(gpt, n_classes=2), task, _examples(examples)


def _instructions(gpt: GPTModel, runtime: Runtime) -> tuple[nn.Module, Task, Loader]:
    examples = [instruction_example(ids[:3], ids[3:], end_of_text=0) for ids in _texts()]
    task = InstructionTask(examples[:8], batch_size=4, maximum_tokens=LENGTH, runtime=runtime)
    return gpt, task, _examples(examples)


def _texts() -> list[tuple[int, ...]]:
    numbers = np.random.default_rng(5)
    return [
        tuple(numbers.integers(1, VOCABULARY, numbers.integers(5, LENGTH)).tolist())
        for _ in range(SAMPLES)
    ]


def _examples(examples: list[Example]) -> ExampleLoader:
    return ExampleLoader(examples, batch_size=4, maximum_tokens=LENGTH, seed=3)


KINDS: dict[str, _Build] = {
    "pretraining": _pretraining,
    "classification": _classification,
    "instructions": _instructions,
}
