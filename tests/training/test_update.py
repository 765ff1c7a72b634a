"""One update: its random numbers are its own; what it may compute anew or round."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.tokens.loader import WindowLoader


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


def test_dropout_differs_between_steps_seeds_and_processes() -> None:
    from llm.training.update import _generators_of_its_own, _step_seed

    def drawn(seed: int, step: int, rank: int) -> float:
        with _generators_of_its_own(_step_seed(seed, step, rank)):
            return torch.rand(()).item()

    numbers = [drawn(*three) for three in product(range(3), repeat=3)]
    assert len(set(numbers)) == 27
    assert drawn(2, 2, 2) == numbers[-1]


@pytest.mark.parametrize("autocast", [False, True])
def test_blocks_computed_anew_give_the_same_bits(small: Any, autocast: bool) -> None:
    kept, anew = small(drop_rate=0.5, autocast=autocast), small(drop_rate=0.5, autocast=autocast)
    kept.train(maximum_steps=5)
    anew.train(maximum_steps=5, recompute=True)
    assert anew.weights() == kept.weights()


def test_blocks_computed_anew_keep_less_for_the_backward_pass() -> None:
    model = GPTModel(
        GPTConfig(
            vocab_size=61,
            context_length=64,
            emb_dim=32,
            n_heads=2,
            n_layers=4,
            drop_rate=0.0,
            qkv_bias=True,
            tie_embeddings=True,
        )
    ).train()
    token_ids = torch.zeros(4, 64, dtype=torch.int64)

    def kept_bytes(recompute: bool) -> int:
        model.recompute = recompute
        total = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal total
            total += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.hidden(token_ids)
        return total

    assert kept_bytes(recompute=True) < kept_bytes(recompute=False) / 4


def test_a_step_in_bfloat16_stays_near_one_in_float32(small: Any) -> None:
    """Gradients of the whole model: 2 % apart in length at most, the roundings of 8-bit digits."""
    exact, rounded = small(drop_rate=0.0), small(drop_rate=0.0)
    batch = WindowLoader(exact.windows, batch_size=8, seed=3).next_batch()

    def gradient(one: Any, autocast: bool) -> Tensor:
        one.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = one.task.loss(one.model, batch)
        torch.autograd.backward(loss)
        return torch.cat([p.grad.flatten() for p in one.model.parameters()])

    truth = gradient(exact, autocast=False)
    found = gradient(rounded, autocast=True)
    assert 0 < (found - truth).norm() / truth.norm() < 2e-2
