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
        (10, {"accumulation_steps": 4, "batch_warmup_steps": 8}, 8),  # 1 1 2 2 3 3 4 4
        (10, {"accumulation_steps": 4, "batch_warmup_steps": 4}, 7),  # 1 2 3 4, then 4 4 4
        (10, {"accumulation_steps": 4, "batch_warmup_steps": 80}, 20),
        (0.1, {"epochs": 30.0}, 3),  # 3.0000000000000004 in floating point
    ],
)
def test_steps_complete_the_epochs(
    batches_per_epoch: float, changes: dict[str, Any], steps: int
) -> None:
    assert TrainingConfig(**{**SETTINGS, **changes}).steps(batches_per_epoch) == steps


def test_the_batch_rises_to_its_size_and_every_pass_is_counted() -> None:
    config = TrainingConfig(**{**SETTINGS, "accumulation_steps": 4, "batch_warmup_steps": 6})
    sizes = [config.accumulation_at(step) for step in range(9)]
    assert sizes == [1, 1, 2, 3, 3, 4, 4, 4, 4]
    assert [config.batches(steps) for steps in range(10)] == [sum(sizes[:n]) for n in range(10)]
    for batches in range(1, 60):
        steps = config.steps(batches / 2)
        assert config.batches(steps) >= batches > config.batches(steps - 1)


def test_the_least_learning_rate_is_not_above_the_highest() -> None:
    with pytest.raises(ValidationError, match="min_learning_rate"):
        TrainingConfig(**{**SETTINGS, "min_learning_rate": 0.1})
