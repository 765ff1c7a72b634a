"""Training a GPT to tell two classes of messages apart, read off after the last real token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from llm.finetuning.examples import Example, sorted_batches
from llm.model.classifier import Classifier
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer
from llm.training.loss import IGNORED

Batch = dict[str, Tensor]


def classification_examples(
    texts: Sequence[str], labels: Sequence[int], *, tokenizer: Tokenizer, maximum_tokens: int
) -> list[Example]:
    """The first `maximum_tokens` tokens of each text; its label is the target at the last one."""
    examples = []
    for token_ids, label in zip(tokenizer.encode_batch(list(texts)), labels, strict=True):
        kept = tuple(token_ids[:maximum_tokens])
        examples.append(Example(token_ids=kept, targets=(IGNORED,) * (len(kept) - 1) + (label,)))
    return examples


class ClassificationTask:
    """The loss of a batch of labelled messages, and the measures between steps.

    class_weights: per class, its weight in the loss; (1, 1) counts every message alike.
    """

    def __init__(
        self,
        validation: Sequence[Example],
        *,
        class_weights: tuple[float, float],
        batch_size: int,
        maximum_tokens: int,
        runtime: Runtime,
    ) -> None:
        self._validation = validation
        self._weights = torch.tensor(class_weights, device=runtime.device)
        self._batch_size = batch_size
        self._maximum_tokens = maximum_tokens
        self._runtime = runtime

    def loss(self, model: Classifier, batch: Batch) -> Tensor:
        """Summed, weighted cross-entropy over the messages of a batch."""
        logits = model(batch["inputs"], batch["lengths"])  # (B, 2)
        return F.cross_entropy(
            logits.float(), _labels(batch), weight=self._weights, ignore_index=IGNORED,
            reduction="sum",
        )  # fmt: skip

    def count(self, batch: Batch) -> int:
        """Messages in a batch."""
        return int((_labels(batch) != IGNORED).sum())

    def evaluate(self, model: Classifier) -> dict[str, float]:
        """Unweighted mean cross-entropy and accuracy on the validation."""
        probabilities = class_probabilities(
            model,
            self._validation,
            batch_size=self._batch_size,
            maximum_tokens=self._maximum_tokens,
            runtime=self._runtime,
        )
        labels = np.array([example.targets[-1] for example in self._validation])
        said = np.where(labels == 1, probabilities, 1 - probabilities)
        return {
            "validation_loss": float(-np.log(np.clip(said, 1e-7, 1.0)).mean()),
            "validation_accuracy": float(np.mean((probabilities >= 0.5) == labels)),
        }

    def sample(self, model: Classifier) -> str | None:  # noqa: ARG002 - the protocol names it
        """A classifier writes no text."""
        return None


def balanced_weights(labels: Sequence[int]) -> tuple[float, float]:
    """Weights with which both classes count alike and a message counts 1 on average."""
    positive = sum(labels)
    return len(labels) / (2 * (len(labels) - positive)), len(labels) / (2 * positive)


@torch.no_grad()
def class_probabilities(
    model: Classifier,
    examples: Sequence[Example],
    *,
    batch_size: int,
    maximum_tokens: int,
    runtime: Runtime,
) -> NDArray[np.float64]:
    """The probability of class 1 for each example, in their order: (N,)."""
    was_training = model.training
    model.eval()
    found = np.zeros(len(examples))
    for rows, batch in sorted_batches(
        examples, batch_size=batch_size, maximum_tokens=maximum_tokens
    ):
        with torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.autocast):
            logits = model(
                batch["inputs"].to(runtime.device), batch["lengths"].to(runtime.device)
            )  # (B, 2)
        found[rows] = logits.double().softmax(dim=-1)[:, 1].cpu().numpy()
    model.train(was_training)
    return found


def _labels(batch: Batch) -> Tensor:
    """The label of each row, IGNORED in an empty one: (B,)."""
    last = (batch["lengths"] - 1)[:, None]  # (B, 1)
    return batch["targets"].gather(1, last).squeeze(1)
