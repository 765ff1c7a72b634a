"""The settings that every training shares: sizes, learning rate, precision, intervals."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from llm.config import Section
from llm.runtime import Precision

Parallel = Literal["none", "ddp", "fsdp"]


class TrainingConfig(Section):
    """How long and how strongly to train. A step is one update of the weights."""

    batch_size: int = Field(
        ge=1, description="sequences per forward pass, of all processes together"
    )
    accumulation_steps: int = Field(
        1, ge=1, description="forward passes whose gradients are added up into one step"
    )
    batch_warmup_steps: int = Field(
        0, ge=0, description="steps in which accumulation_steps rises from 1 to its value"
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
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw", description="muon: for the matrices of the blocks; the rest stays with AdamW"
    )
    weight_decay: float = Field(ge=0, description="decay of the weights, applied to matrices only")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW: memory of the gradient's mean")
    beta2: float = Field(0.95, ge=0, lt=1, description="AdamW: memory of the gradient's square")
    max_grad_norm: float | None = Field(
        1.0, gt=0, description="gradients longer than this are scaled down to it; null: never"
    )
    average_decay: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="evaluate and keep a running average of the weights: what it keeps of itself "
        "at each step, as 0.99; null: the weights themselves",
    )
    precision: Precision = Field(
        "auto",
        description="number type of matrix products; auto: bfloat16 where the hardware has it",
    )
    compile: bool = Field(False, description="compile the loss with torch.compile")
    recompute: bool = Field(
        False,
        description="keep only what enters each block, and compute the rest anew for the backward "
        "pass: a third more work, far less memory",
    )
    parallel: Parallel = Field(
        "ddp",
        description="how LLM_NPROC processes train together. ddp: each holds the whole model and "
        "learns from its share of every batch; fsdp: each holds a share of the model too, which "
        "takes less memory and more traffic; none: one process trains, whatever LLM_NPROC says",
    )
    evaluate_every_steps: int = Field(ge=1, description="steps between two evaluations")
    checkpoint_every_steps: int = Field(ge=1, description="steps between two checkpoints")
    keep_checkpoints: int = Field(
        2, ge=1, description="how many checkpoints stay; the one before serves where one is damaged"
    )
    maximum_nonfinite_steps: int = Field(
        1,
        ge=1,
        description="training stops at so many steps whose loss or gradient is not finite; those "
        "before are skipped and counted. 1 stops at the first",
    )

    @model_validator(mode="after")
    def _check(self) -> TrainingConfig:
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate ({self.min_learning_rate}) is above "
                f"learning_rate ({self.learning_rate})"
            )
        return self

    def accumulation_at(self, step: int) -> int:
        """Forward passes of the update that follows `step` finished ones."""
        if step >= self.batch_warmup_steps:
            return self.accumulation_steps
        return 1 + step * self.accumulation_steps // self.batch_warmup_steps

    def batches(self, steps: int) -> int:
        """Forward passes of the first `steps` updates together."""
        rising = min(steps, self.batch_warmup_steps)
        rest = (steps - rising) * self.accumulation_steps
        return sum(self.accumulation_at(step) for step in range(rising)) + rest

    def steps(self, batches_per_epoch: float) -> int:
        """Number of steps that complete `epochs`, within `maximum_steps`; at least 1."""
        # Rounded first, so that 3.0000000001 batches do not ask for a fourth.
        wanted = math.ceil(round(self.epochs * batches_per_epoch, 6))
        rising = min(self.batch_warmup_steps, wanted)
        while rising and self.batches(rising - 1) >= wanted:
            rising -= 1
        rest = max(0, wanted - self.batches(rising))
        steps = rising + -(-rest // self.accumulation_steps)
        steps = max(1, steps)
        return steps if self.maximum_steps is None else min(steps, self.maximum_steps)
