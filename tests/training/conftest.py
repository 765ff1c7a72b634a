"""A GPT small enough to train in a blink, its task, its text and its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from llm.evaluation.perplexity import mean_loss
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.loader import WindowLoader
from llm.tokens.windows import Windows
from llm.tracking import NullTracker, Tracker
from llm.training.config import TrainingConfig
from llm.training.history import History
from llm.training.loop import train
from llm.training.next_token import NextTokenTask

SETTINGS: dict[str, Any] = {
    "batch_size": 4,
    "epochs": 100.0,
    "maximum_steps": 20,
    "learning_rate": 1e-2,
    "min_learning_rate": 1e-3,
    "warmup_fraction": 0.1,
    "weight_decay": 0.1,
    "evaluate_every_steps": 7,
    "checkpoint_every_steps": 5,
}


class Small:
    """One small training, of which a test changes what it is about.

    The text has 27 windows, so that 20 steps of 4 windows cross two epochs' borders in the middle
    of a batch.
    """

    def __init__(
        self, *, drop_rate: float = 0.1, autocast: bool = False, n_layers: int = 2
    ) -> None:
        torch.manual_seed(1)
        self.model = GPTModel(
            GPTConfig(
                vocab_size=61,
                context_length=16,
                emb_dim=16,
                n_heads=2,
                n_layers=n_layers,
                drop_rate=drop_rate,
                qkv_bias=True,
                tie_embeddings=True,
            )
        )
        ids = np.random.default_rng(2).integers(0, 61, 27 * 16 + 1).cumsum() % 61
        self.windows = Windows(token_ids=ids.astype(np.uint16), context_length=16, stride=16)
        self.autocast = autocast
        self.task: Any = NextTokenTask(
            validation_loss=lambda model: mean_loss(model, ids[:100], batch_size=8),
            write=lambda model: f"drawn {torch.rand(1).item():.3f}",
        )

    def train(
        self,
        *,
        checkpoints: Path | None = None,
        tracker: Tracker | None = None,
        wrap: Callable[[WindowLoader], Any] = lambda loader: loader,
        compile: bool = False,
        **settings: Any,
    ) -> History:
        """Train with SETTINGS changed by `settings`; wrap: puts something around the loader."""
        config = TrainingConfig(**{**SETTINGS, **settings})
        loader = WindowLoader(self.windows, batch_size=config.batch_size, seed=3)
        return train(
            self.model,
            self.task,
            wrap(loader),
            config=config,
            runtime=Runtime(
                device=torch.device("cpu"), autocast=self.autocast, threads=1, compile=compile
            ),
            seed=4,
            checkpoints=checkpoints,
            tracker=tracker or NullTracker(),
            name="small",
            sample_every_steps=6,
        )

    def weights(self) -> bytes:
        """Every bit of the model's weights."""
        return b"".join(p.detach().numpy().tobytes() for p in self.model.parameters())


@pytest.fixture
def small() -> type[Small]:
    """The class; call it for a new training."""
    return Small


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    """Two threads, so that what depends on their order shows."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
