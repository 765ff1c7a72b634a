"""Which parameters decay, and a state that comes back under its parameters' names."""

from __future__ import annotations

import torch
from torch import nn

from llm.training.config import TrainingConfig
from llm.training.optimizer import (
    build_optimizer,
    optimizer_state,
    restore_optimizer,
    set_learning_rate,
)

CONFIG = TrainingConfig(
    batch_size=1,
    epochs=1,
    learning_rate=0.1,
    min_learning_rate=0.1,
    warmup_fraction=0.0,
    weight_decay=0.5,
    evaluate_every_steps=1,
    checkpoint_every_steps=1,
)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 3))


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    model(torch.tensor([0, 1, 4])).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_only_matrices_decay_and_frozen_ones_are_left_out() -> None:
    model = network()
    model[2].requires_grad_(False)
    groups = build_optimizer(model, CONFIG).param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert decay == {id(model[0].weight): 0.5, id(model[1].weight): 0.0, id(model[1].bias): 0.0}


def test_the_restored_optimizer_goes_on_bit_by_bit() -> None:
    first = network()
    optimizer = build_optimizer(first, CONFIG)
    step(first, optimizer)
    second = network()
    second.load_state_dict(first.state_dict())
    other = build_optimizer(second, CONFIG)
    state = {name: tensor.clone() for name, tensor in optimizer_state(first, optimizer).items()}
    restore_optimizer(second, other, state)
    for rate in (0.05, 0.01):
        for model, used in ((first, optimizer), (second, other)):
            set_learning_rate(used, rate)
            step(model, used)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert "0.weight/exp_avg" in state
