"""What a training needs from outside: a task that has a loss, and a loader of batches."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

# What a loader gives: `inputs` (B, T) int64, and what else the task's loss reads. `sample_ids`
# (B,), where present, names the samples in messages.
Batch = dict[str, Tensor]


class Task(Protocol):
    """What is learned."""

    def loss(self, model: Any, batch: Batch) -> Tensor:
        """The loss summed over the batch's targets, a scalar; compiled where settings say so."""

    def count(self, batch: Batch) -> int:
        """Number of targets in a batch."""

    def evaluate(self, model: Any) -> dict[str, float]:
        """Measures on held-out data, among them `validation_loss`; under no_grad, in eval mode."""

    def sample(self, model: Any) -> str | None:
        """A text that shows what the model can do, or None."""


class Loader(Protocol):
    """Endless batches. After `restore(state())`, in another process too, the same ones follow."""

    @property
    def batches_per_epoch(self) -> float:
        """Batches in one pass over the data."""

    def next_batch(self) -> Batch:
        """The next batch, on the CPU."""

    def state(self) -> dict[str, Any]:
        """The position, as JSON values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go to a position."""

    def describe(self, sample_ids: list[int]) -> list[str]:
        """What a person would look up for each of a batch's `sample_ids`: ids of documents."""
