"""The learning rate rises linearly, falls as a cosine, and ends where the settings say."""

from __future__ import annotations

import itertools
import math

import pytest

from llm.training.config import TrainingConfig
from llm.training.schedule import learning_rate_at


def rates(total_steps: int, warmup_fraction: float) -> list[float]:
    config = TrainingConfig(
        batch_size=1,
        epochs=1,
        learning_rate=1.0,
        min_learning_rate=0.1,
        warmup_fraction=warmup_fraction,
        weight_decay=0.0,
        evaluate_every_steps=1,
        checkpoint_every_steps=1,
    )
    return [learning_rate_at(step, total_steps, config) for step in range(total_steps)]


def test_warmup_then_cosine() -> None:
    found = rates(101, 0.2)
    assert found[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert found[20] == pytest.approx(1.0)
    assert found[60] == pytest.approx(0.1 + 0.45 * (1 + math.cos(math.pi / 2)))
    assert found[-1] == pytest.approx(0.1)
    assert all(later < earlier for earlier, later in itertools.pairwise(found[20:]))


@pytest.mark.parametrize("total_steps", [1, 2, 3])
@pytest.mark.parametrize("warmup_fraction", [0.0, 0.5, 1.0])
def test_short_trainings_have_sane_rates(total_steps: int, warmup_fraction: float) -> None:
    assert all(0.1 <= rate <= 1.0 for rate in rates(total_steps, warmup_fraction))
