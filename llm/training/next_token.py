"""The task of pretraining: after every token of a text, predict the next one."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from llm.model.gpt import GPTModel
from llm.training.loss import linear_cross_entropy


class NextTokenTask:
    """validation_loss: measures a model, in nats per token. write: lets it write a text, if any.

    z_loss: as `linear_cross_entropy` takes it; part of the training's loss alone.
    """

    def __init__(
        self,
        *,
        validation_loss: Callable[[GPTModel], float],
        write: Callable[[GPTModel], str] | None = None,
        z_loss: float = 0.0,
    ) -> None:
        self._validation_loss = validation_loss
        self._write = write
        self._z_loss = z_loss

    def loss(self, model: GPTModel, batch: dict[str, Tensor]) -> Tensor:
        """Cross-entropy summed over the targets, (B, T), in nats.

        Where the batch has `document_ids`, (B, T), no document sees another.
        """
        hidden = model.hidden(batch["inputs"], document_ids=batch.get("document_ids"))  # (B, T, C)
        return linear_cross_entropy(
            hidden,
            model.head_weight,
            batch["targets"],
            vocab_size=model.config.vocab_size,
            z_loss=self._z_loss,
        )

    def count(self, batch: dict[str, Tensor]) -> int:
        """Every token of a window is a target."""
        return batch["targets"].numel()

    def evaluate(self, model: GPTModel) -> dict[str, float]:
        """The loss on the validation text."""
        return {"validation_loss": self._validation_loss(model)}

    def sample(self, model: GPTModel) -> str | None:
        """A text that the model writes."""
        return self._write(model) if self._write else None
