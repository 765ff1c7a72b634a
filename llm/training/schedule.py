"""The learning rate as a function of the step: linear warmup, then cosine decay."""

from __future__ import annotations

import math

from llm.training.config import TrainingConfig


def learning_rate_at(step: int, total_steps: int, config: TrainingConfig) -> float:
    """Learning rate of the update that follows `step` finished ones, 0 ≤ step < total_steps.

    It rises linearly to `learning_rate` over the warmup, the first update already moving, then
    falls along half a cosine (Loshchilov & Hutter 2017, without restarts) to `min_learning_rate`
    at the last update.
    """
    warmup_steps = round(config.warmup_fraction * total_steps)
    if step < warmup_steps:
        return config.learning_rate * (step + 1) / warmup_steps
    decay_steps = max(1, total_steps - 1 - warmup_steps)
    progress = min(1.0, (step - warmup_steps) / decay_steps)
    span = config.learning_rate - config.min_learning_rate
    return config.min_learning_rate + 0.5 * span * (1.0 + math.cos(math.pi * progress))
