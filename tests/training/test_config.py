"""Steps that complete the epochs, and settings that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from llm.training.config import TrainingConfig

SETTINGS: dict[str, Any] = {
    "batch_size": 4,
    "epochs": 2,
    "learning_rate": 1e-2,
    "min_learning_rate": 1e-3,
    "warmup_fraction": 0.1,
    "weight_decay": 0.1,
    "evaluate_every_steps": 7,
    "checkpoint_every_steps": 5,
}


@pytest.mark.parametrize(
    ("batches_per_epoch", "changes", "steps"),
    [
        (10, {}, 20),
        (10.25, {}, 21),  # the last windows need a step, too
        (10, {"accumulation_steps": 3}, 7),
        (10, {"epochs": 0.5}, 5),
        (10, {"maximum_steps": 3}, 3),
        (0.25, {"epochs": 1}, 1),
        (0.1, {"epochs": 30.0}, 3),  # 3.0000000000000004 in floating point
    ],
)
def test_steps_complete_the_epochs(
    batches_per_epoch: float, changes: dict[str, Any], steps: int
) -> None:
    assert TrainingConfig(**{**SETTINGS, **changes}).steps(batches_per_epoch) == steps


def test_the_least_learning_rate_is_not_above_the_highest() -> None:
    with pytest.raises(ValidationError, match="min_learning_rate"):
        TrainingConfig(**{**SETTINGS, "min_learning_rate": 0.1})
