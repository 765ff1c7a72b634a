"""Batches of examples of unequal length: alike lengths together, few shapes, exactly resumable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from llm.training.loss import IGNORED

LENGTH_MULTIPLE = 8  # rows are padded to multiples of this: little padding, whole vectors
COMPILED_LENGTH_MULTIPLE = 64  # the same for a compiled loss, compiled anew for every shape
_SORTED_BATCHES = 32  # so many batches at a time are sorted by length


@dataclass(frozen=True, kw_only=True)
class Example:
    """One text as the model reads it, and what is to be predicted after each of its tokens.

    token_ids, targets: equally long. A target is a token id, or a class at the last token of a
    text to be classified, or IGNORED. name: the id of its record, for messages.
    """

    token_ids: tuple[int, ...]
    targets: tuple[int, ...]
    name: str = ""

    @property
    def learned(self) -> int:
        """How many of the targets count."""
        return sum(target != IGNORED for target in self.targets)


def collate(
    examples: Sequence[Example],
    *,
    rows: int,
    maximum_tokens: int,
    length_multiple: int = LENGTH_MULTIPLE,
) -> dict[str, Tensor]:
    """Pad examples on the right into one batch of `rows` rows, the missing rows empty.

    Returns `inputs` and `targets`, (B, T) with T a multiple of length_multiple or maximum_tokens,
    and `lengths` (B,), the number of real tokens, 1 for an empty row. Padding is ignored in
    `targets`, so its id (0) never matters: causal attention looks left only.
    """
    longest = max(len(example.token_ids) for example in examples)
    width = min(maximum_tokens, -(-longest // length_multiple) * length_multiple)
    inputs = torch.zeros((rows, width), dtype=torch.long)
    targets = torch.full((rows, width), IGNORED, dtype=torch.long)
    lengths = torch.ones(rows, dtype=torch.long)
    for row, example in enumerate(examples):
        inputs[row, : len(example.token_ids)] = torch.tensor(example.token_ids)
        targets[row, : len(example.targets)] = torch.tensor(example.targets)
        lengths[row] = len(example.token_ids)
    return {"inputs": inputs, "targets": targets, "lengths": lengths}


def sorted_batches(
    examples: Sequence[Example], *, batch_size: int, maximum_tokens: int
) -> list[tuple[list[int], dict[str, Tensor]]]:
    """All examples once, by length, for evaluation: per batch the examples' indices and tensors."""
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i].token_ids), i))
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [
        (
            group,
            collate([examples[i] for i in group], rows=len(group), maximum_tokens=maximum_tokens),
        )
        for group in groups
    ]


class ExampleLoader:
    """Endless batches of the examples; every epoch has each example once, in a new seeded order.

    Every batch has `batch_size` rows. Examples are sorted by length within stretches of some
    batches, then the batches are shuffled, so little of a batch is padding. The order depends on
    the seed and the epoch alone, so `state` is two numbers and going on from it is exact.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        batch_size: int,
        maximum_tokens: int,
        seed: int,
        compiled: bool = False,
    ) -> None:
        """compiled: the loss is, so the batches have few different lengths."""
        if not examples:
            raise ValueError("there are no examples to load")
        self._examples = examples
        self._batch_size = batch_size
        self._maximum_tokens = maximum_tokens
        self._seed = seed
        self._length_multiple = COMPILED_LENGTH_MULTIPLE if compiled else LENGTH_MULTIPLE
        self._epoch = 0
        self._position = 0
        self._batches = self._shuffled()

    @property
    def batches_per_epoch(self) -> int:
        """Batches that hold every example once."""
        return len(self._batches)

    def next_batch(self) -> dict[str, Tensor]:
        """The next batch, as `collate` makes it, with the examples' `sample_ids`, (B,).

        The rows that an epoch's last batch lacks have the sample id -1.
        """
        if self._position == len(self._batches):
            self._epoch, self._position = self._epoch + 1, 0
            self._batches = self._shuffled()
        numbers = self._batches[self._position]
        self._position += 1
        batch = collate(
            [self._examples[number] for number in numbers],
            rows=self._batch_size,
            maximum_tokens=self._maximum_tokens,
            length_multiple=self._length_multiple,
        )
        missing = [-1] * (self._batch_size - len(numbers))
        return {**batch, "sample_ids": torch.tensor([*numbers, *missing])}

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as JSON values."""
        return {"epoch": self._epoch, "position": self._position}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken."""
        self._epoch, self._position = int(state["epoch"]), int(state["position"])
        self._batches = self._shuffled()

    def describe(self, sample_ids: list[int]) -> list[str]:
        """Each example by the id of its record."""
        return [self._examples[number].name or str(number) for number in sample_ids if number >= 0]

    def _shuffled(self) -> list[list[int]]:
        generator = np.random.default_rng((self._seed, self._epoch))
        order = generator.permutation(len(self._examples)).tolist()
        stretch = self._batch_size * _SORTED_BATCHES
        batches: list[list[int]] = []
        for start in range(0, len(order), stretch):
            alike = sorted(
                order[start : start + stretch], key=lambda i: len(self._examples[i].token_ids)
            )
            batches += [
                alike[at : at + self._batch_size] for at in range(0, len(alike), self._batch_size)
            ]
        return [batches[index] for index in generator.permutation(len(batches))]
