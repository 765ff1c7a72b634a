"""One update: its random numbers are its own."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def states() -> list[Any]:
    """Of every global generator."""
    numbers: Any = np.random.get_state()  # noqa: NPY002 - the global one is meant
    return [torch.get_rng_state().tolist(), random.getstate(), numbers[1].tolist(), numbers[2]]


def test_training_leaves_the_global_generators_as_they_were(small: Any) -> None:
    one = small(drop_rate=0.5)
    one.task.sample = lambda model: None
    torch.manual_seed(77)
    before = states()
    one.train(maximum_steps=3)
    assert states() == before


def test_what_others_draw_changes_nothing(small: Any) -> None:
    """Evaluation and sampling that draw, or seed, the global generators between the steps."""
    quiet, loud = small(drop_rate=0.5), small(drop_rate=0.5)
    quiet.train()
    measure = loud.task.evaluate

    def evaluate(model: Any) -> Any:
        torch.manual_seed(5)
        torch.rand(1_000)
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        return measure(model)

    loud.task.evaluate = evaluate
    torch.manual_seed(123)
    loud.train(evaluate_every_steps=1)
    assert loud.weights() == quiet.weights()


def test_dropout_differs_from_step_to_step_and_from_seed_to_seed() -> None:
    from llm.training.update import _generators_of_its_own, _step_seed

    def drawn(seed: int, step: int) -> float:
        with _generators_of_its_own(_step_seed(seed, step)):
            return torch.rand(()).item()

    numbers = [drawn(seed, step) for seed in range(3) for step in range(3)]
    assert len(set(numbers)) == 9
    assert drawn(2, 2) == numbers[-1]
