"""The settings that every training shares: sizes, learning rate, precision, intervals."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from llm.config import Section
from llm.runtime import Precision


class TrainingConfig(Section):
    """How long and how strongly to train. A step is one update of the weights."""

    batch_size: int = Field(ge=1, description="sequences per forward pass")
    accumulation_steps: int = Field(
        1, ge=1, description="forward passes whose gradients are added up into one step"
    )
    epochs: float = Field(gt=0, description="passes over the training data; 0.5 is half a pass")
    maximum_steps: int | None = Field(
        None, ge=1, description="upper bound on steps, whatever the epochs say; null: none"
    )
    learning_rate: float = Field(gt=0, description="highest learning rate, reached after warmup")
    min_learning_rate: float = Field(ge=0, description="learning rate at the last step")
    warmup_fraction: float = Field(
        ge=0, le=1, description="share of all steps in which the learning rate rises linearly"
    )
    weight_decay: float = Field(ge=0, description="AdamW's decay, applied to matrices only")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW: memory of the gradient's mean")
    beta2: float = Field(0.95, ge=0, lt=1, description="AdamW: memory of the gradient's square")
    max_grad_norm: float | None = Field(
        1.0, gt=0, description="gradients longer than this are scaled down to it; null: never"
    )
    precision: Precision = Field(
        "auto",
        description="number type of matrix products; auto: bfloat16 where the hardware has it",
    )
    compile: bool = Field(False, description="compile the loss with torch.compile")
    evaluate_every_steps: int = Field(ge=1, description="steps between two evaluations")
    checkpoint_every_steps: int = Field(ge=1, description="steps between two checkpoints")

    @model_validator(mode="after")
    def _check(self) -> TrainingConfig:
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate ({self.min_learning_rate}) is above "
                f"learning_rate ({self.learning_rate})"
            )
        return self

    def steps(self, batches_per_epoch: float) -> int:
        """Number of steps that complete `epochs`, within `maximum_steps`; at least 1."""
        # Rounded first, so that 3.0000000001 batches do not ask for a fourth.
        steps = math.ceil(round(self.epochs * batches_per_epoch / self.accumulation_steps, 6))
        steps = max(1, steps)
        return steps if self.maximum_steps is None else min(steps, self.maximum_steps)
