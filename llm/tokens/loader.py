"""Endless batches of windows in a seeded order, from which one can go on exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm.errors import InputError
from llm.tokens.windows import Windows, document_ids


class WindowLoader:
    """Every window once per epoch, each epoch in a new order; all batches of one shape.

    Where batch_size does not divide the windows, an epoch's last batch is filled up with the first
    windows of the next epoch, which begins behind them: no window is dropped or repeated, and
    compiled code meets one shape. The order depends on the seed and the epoch alone, so the state
    is two numbers.
    """

    def __init__(
        self,
        windows: Windows,
        *,
        batch_size: int,
        seed: int,
        end_of_text: int | None = None,
        documents_at: Callable[[list[tuple[int, int]]], list[list[str]]] | None = None,
    ) -> None:
        """batch_size: windows per batch.

        end_of_text: where given, batches carry `document_ids`, (B, T), so that a model can keep
        the documents of a window apart. documents_at: from spans of the token stream, first and
        behind the last, to the ids of the documents that stand there, for messages.
        """
        self._windows = windows
        self._batch_size = batch_size
        self._seed = seed
        self._end_of_text = end_of_text
        self._documents_at = documents_at
        self._epoch = 0
        self._position = 0  # windows already given out in this epoch
        self._order = self._shuffled()

    @property
    def batches_per_epoch(self) -> float:
        """Batches that hold every window once; a fraction where batch_size does not divide them."""
        return len(self._windows) / self._batch_size

    def next_batch(self) -> dict[str, Tensor]:
        """The next batch: `inputs` and `targets`, (B, T), and the windows' `sample_ids`, (B,)."""
        missing = self._batch_size
        parts = []
        while missing:
            if self._position == len(self._order):
                self._epoch, self._position = self._epoch + 1, 0
                self._order = self._shuffled()
            part = self._order[self._position : self._position + missing]
            self._position += len(part)
            missing -= len(part)
            parts.append(part)
        numbers = np.concatenate(parts)  # (B,)
        tokens = torch.from_numpy(self._windows.read(numbers))  # (B, T + 1)
        inputs = tokens[:, :-1].contiguous()
        batch = {
            "inputs": inputs,
            "targets": tokens[:, 1:].contiguous(),
            "sample_ids": torch.from_numpy(numbers),
        }
        if self._end_of_text is not None:
            batch["document_ids"] = document_ids(inputs, self._end_of_text)
        return batch

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as JSON values."""
        return {"epoch": self._epoch, "position": self._position}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken, from the same windows, batch size and seed.

        Raises InputError where no loader of these windows can have been there.
        """
        epoch, position = int(state["epoch"]), int(state["position"])
        if epoch < 0 or not 0 <= position <= len(self._windows):
            raise InputError(
                "A loader cannot go on from a state of other windows.",
                found=f"window {position:,} of epoch {epoch}",
                expected=f"one of {len(self._windows):,} windows",
                remedy="go on with the text and settings of then, or remove the checkpoint",
            )
        self._epoch, self._position = epoch, position
        self._order = self._shuffled()

    def describe(self, sample_ids: list[int]) -> list[str]:
        """Each window by its number and, where they can be looked up, its documents' ids."""
        if self._documents_at is None:
            return [f"window {number}" for number in sample_ids]
        named = self._documents_at([self._windows.span(number) for number in sample_ids])
        return [
            f"window {number}: {', '.join(ids)}"
            for number, ids in zip(sample_ids, named, strict=True)
        ]

    def _shuffled(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        # A generator of its own per epoch: nothing else draws from it, and no epoch needs the last.
        return np.random.default_rng((self._seed, self._epoch)).permutation(len(self._windows))
