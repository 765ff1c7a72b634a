"""Muon: near-orthogonal steps, the reference's own updates, one state that comes back."""

from __future__ import annotations

import pytest
import torch

from llm.training.config import TrainingConfig
from llm.training.muon import Muon, orthogonal
from llm.training.optimizer import build_optimizer, optimizer_state, restore_optimizer

CONFIG = TrainingConfig(
    batch_size=1,
    epochs=1,
    optimizer="muon",
    learning_rate=0.02,
    min_learning_rate=0.02,
    warmup_fraction=0.0,
    weight_decay=0.1,
    evaluate_every_steps=1,
    checkpoint_every_steps=1,
)


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonal(matrix).float()
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.5 and values.max() < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)  # the slow way
    inside = left.T @ found @ right.T  # (8, 8): diagonal, if the directions are those of `matrix`
    assert (inside - inside.diag().diag()).abs().max() < 0.1


def test_updates_are_those_of_torchs_own_muon():
    """Which counts its momentum without the factor 1 - 0.95; directions do not know of it."""
    start = torch.randn(12, 20, generator=torch.Generator().manual_seed(1))
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    other = torch.nn.Parameter(torch.zeros(3))
    mine = Muon([ours], torch.optim.AdamW([other]), lr=0.02, weight_decay=0.1)
    reference = torch.optim.Muon(
        [theirs], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for step in range(5):
        gradient = torch.randn(12, 20, generator=torch.Generator().manual_seed(step))
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.step()
        reference.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved  # both multiply in bfloat16


def test_matrices_of_the_blocks_are_muons_and_the_rest_adamws(small):
    model = small().model
    optimizer = build_optimizer(model, CONFIG)
    assert isinstance(optimizer, Muon)
    names = {id(p): name for name, p in model.named_parameters()}
    matrices, *others = optimizer.param_groups
    assert {names[id(p)].split(".", 2)[2] for p in matrices["params"]} == {
        "attention.qkv.weight",
        "attention.project.weight",
        "feed_forward.expand.weight",
        "feed_forward.project.weight",
    }
    rest = [names[id(p)] for group in others for p in group["params"]]
    assert "token_embedding.weight" in rest
    assert len(rest) + len(matrices["params"]) == len(names)


def test_the_restored_optimizer_goes_on_bit_by_bit(small):
    def step(model, optimizer) -> None:
        tokens = torch.arange(16)[None] % 7
        model(tokens).logsumexp(-1).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    first, second = small(drop_rate=0.0).model, small(drop_rate=0.0).model
    one = build_optimizer(first, CONFIG)
    step(first, one)
    second.load_state_dict(first.state_dict())
    two = build_optimizer(second, CONFIG)
    restore_optimizer(
        second, two, {name: tensor.clone() for name, tensor in optimizer_state(first, one).items()}
    )
    for _ in range(2):
        step(first, one)
        step(second, two)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert "blocks.0.attention.qkv.weight/momentum" in optimizer_state(first, one)
    assert "token_embedding.weight/exp_avg" in optimizer_state(first, one)


def test_a_model_learns_by_it(small):
    found = small(drop_rate=0.0).train(optimizer="muon", maximum_steps=40)
    assert found.last["validation_loss"] < found.rows[0]["validation_loss"] - 0.3
