"""One training of the quality benchmark: its text, its side, and its curve over tokens and time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.corpora import mirror, text_corpus
from benchmarks.house import settings_of
from benchmarks.peers.reference import Reference
from llm.corpus.extraction.gutenberg import strip_gutenberg
from llm.evaluation.perplexity import mean_loss
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.runtime import choose_runtime
from llm.tokens.growing import GrowingWindows
from llm.tokens.loader import WindowLoader
from llm.tokens.tokenizer import train as train_tokenizer
from llm.tokens.windows import Windows
from llm.tracking import NullTracker
from llm.training.config import TrainingConfig
from llm.training.loop import train
from llm.training.next_token import NextTokenTask

CONTEXT = 256
VOCAB_SIZE = 4096
SEED = 1
_VALIDATION_FRACTION = 0.02  # of each text, its end
_MEGABYTES = 4.0  # of stories, where there are no books
_ROWS = 16  # validation windows per forward pass

Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Side:
    """What is trained. model, training: settings that differ from GPT-2's shape and plain AdamW.

    batch_warmup_fraction: share of the steps that begin with half a batch. reference: the plain
    code of `benchmarks.peers.reference` in place of the house's model.
    """

    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    z_loss: float = 0.0
    length_warmup_fraction: float = 0.0
    batch_warmup_fraction: float = 0.0
    reference: bool = False


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large, how long. tokens: of the whole training; evaluations: points of the curve."""

    n_layers: int
    emb_dim: int
    n_heads: int
    tokens: int
    batch_size: int = 8
    learning_rate: float = 3e-3
    evaluations: int = 10
    compile: bool = False


@dataclass(frozen=True)
class Point:
    """A point of a curve. Both times are of training alone: neither compiling nor evaluating."""

    tokens: int
    seconds: float
    cpu_seconds: float
    validation_loss: float


def corpus(work: Path) -> tuple[Ids, Ids, str]:
    """Training and validation token ids of real English books, one edition of each, or stories."""
    place = mirror()
    if place:
        texts, name = _books(place), "real books, one edition of each"
    else:
        folder, name = text_corpus(work, _MEGABYTES)
        lines = (line for path in sorted(folder.glob("*.jsonl")) for line in path.open("rb"))
        texts = [json.loads(line)["text"] for line in lines]
    ends = [round(len(text) * (1 - _VALIDATION_FRACTION)) for text in texts]
    learned = [text[:end] for text, end in zip(texts, ends, strict=True)]
    tokenizer = train_tokenizer(learned, vocab_size=VOCAB_SIZE)

    def ids(parts: Iterable[str]) -> Ids:
        stream = [[*tokenizer.encode(part), tokenizer.end_of_text] for part in parts]
        return np.concatenate([np.array(part, dtype=np.int64) for part in stream])

    held_out = [text[end:] for text, end in zip(texts, ends, strict=True)]
    return ids(learned), ids(held_out), name


def _books(place: Path) -> list[str]:
    texts = []
    for source in settings_of("books", {})["download"]["sources"]:
        if source["holds"] == "corpus" and source["language"] == "en":
            parts = urlsplit(source["urls"][0])
            data = (place / parts.netloc / parts.path.lstrip("/")).read_bytes()
            text = data.decode("utf-8", errors="replace").replace("\r\n", "\n")
            texts.append(strip_gutenberg(text))
    return texts


def curve(side: Side, size: Size, learned: Ids, held_out: Ids) -> list[Point]:
    """Train a side from the same seed on the same windows in the same order; its curve."""
    windows = Windows(token_ids=learned, context_length=CONTEXT, stride=CONTEXT)
    settings: dict[str, Any] = {
        "batch_size": size.batch_size,
        "learning_rate": size.learning_rate,
        "min_learning_rate": size.learning_rate / 10,
        "warmup_fraction": 0.05,
        "weight_decay": 0.1,
        "compile": size.compile,
        **side.training,
    }
    if side.batch_warmup_fraction:
        settings["batch_size"] //= 2
        settings["accumulation_steps"] = 2
        steps = size.tokens / CONTEXT / size.batch_size
        settings["batch_warmup_steps"] = round(side.batch_warmup_fraction * steps)
    settings["epochs"] = size.tokens / CONTEXT / len(windows)
    config = TrainingConfig(**settings, evaluate_every_steps=1, checkpoint_every_steps=1)
    steps = config.steps(len(windows) / config.batch_size)
    every = max(1, steps // size.evaluations)
    config = config.model_copy(update={"evaluate_every_steps": every})
    runtime = choose_runtime(seed=SEED, precision="auto", compile=config.compile)
    model = model_of(side, size)
    loader = WindowLoader(windows, batch_size=config.batch_size, seed=SEED)
    watch = Watch(
        GrowingWindows(loader, batches=round(side.length_warmup_fraction * config.batches(steps)))
        if side.length_warmup_fraction
        else loader,
        first_batches=config.accumulation_at(0),
    )

    def validation_loss(model: Any) -> float:
        with watch.paused():
            if side.reference:
                return _reference_loss(model, held_out)
            return mean_loss(model, held_out, batch_size=_ROWS, autocast=runtime.autocast)

    task = NextTokenTask(validation_loss=validation_loss, z_loss=side.z_loss)
    history = train(
        model,
        _ReferenceTask(validation_loss=validation_loss) if side.reference else task,
        watch,
        config=config,
        runtime=runtime,
        seed=SEED,
        checkpoints=None,
        tracker=NullTracker(),
        name="quality",
    )
    return [
        Point(row["tokens"], *times, row["validation_loss"])
        for row, times in zip(history.rows, watch.times, strict=True)
    ]


def model_of(side: Side, size: Size) -> nn.Module:
    """The side's model, its weights drawn from the seed."""
    settings: dict[str, Any] = {"qkv_bias": True, **side.model}
    config = GPTConfig(
        vocab_size=VOCAB_SIZE,
        context_length=CONTEXT,
        emb_dim=size.emb_dim,
        n_heads=size.n_heads,
        n_layers=size.n_layers,
        drop_rate=0.0,
        tie_embeddings=True,
        **settings,
    )
    torch.manual_seed(SEED)
    return Reference(config) if side.reference else GPTModel(config)


class Watch:
    """A loader that also tells the time: from the second step on, so that compiling is left out."""

    def __init__(self, loader: Any, *, first_batches: int) -> None:
        self._loader = loader
        self._until_begin = first_batches
        self._began: tuple[float, float] | None = None
        self._away = (0.0, 0.0)
        self.times: list[tuple[float, float]] = []
        self.batches_per_epoch: float = loader.batches_per_epoch
        self.state, self.restore, self.describe = loader.state, loader.restore, loader.describe

    def next_batch(self) -> dict[str, Tensor]:
        """The loader's."""
        if self._until_begin == 0 and self._began is None:
            self._began, self._away = _now(), (0.0, 0.0)
        self._until_begin = max(0, self._until_begin - 1)
        batch: dict[str, Tensor] = self._loader.next_batch()
        return batch

    def paused(self) -> Watch:
        """A context whose time does not count; its beginning is a point of the curve."""
        return self

    def __enter__(self) -> None:
        self._left = _now()
        if self._began is None:
            self.times.append((0.0, 0.0))
        else:
            wall, cpu = (
                left - began - away
                for left, began, away in zip(self._left, self._began, self._away, strict=True)
            )
            self.times.append((wall, cpu))

    def __exit__(self, *_: object) -> None:
        back = _now()
        self._away = (
            self._away[0] + back[0] - self._left[0],
            self._away[1] + back[1] - self._left[1],
        )


def _now() -> tuple[float, float]:
    """Seconds of the wall's clock, and of this process on all cores."""
    return time.perf_counter(), time.process_time()


class _ReferenceTask(NextTokenTask):
    """The reference returns its loss by itself: the mean over the batch, from all logits."""

    def loss(self, model: Any, batch: dict[str, Tensor]) -> Tensor:
        total: Tensor = model(batch["inputs"], batch["targets"]) * batch["targets"].numel()
        return total


def _reference_loss(model: nn.Module, token_ids: Ids) -> float:
    """As `mean_loss`, but for an unfinished window at the end."""
    whole = (len(token_ids) - 1) // CONTEXT
    inputs = torch.from_numpy(token_ids[: whole * CONTEXT]).view(whole, CONTEXT)
    targets = torch.from_numpy(token_ids[1 : whole * CONTEXT + 1]).view(whole, CONTEXT)
    total = 0.0
    for start in range(0, whole, _ROWS):
        rows = slice(start, start + _ROWS)
        total += model(inputs[rows], targets[rows]).item() * targets[rows].numel()
    return total / targets.numel()
