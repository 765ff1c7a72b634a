"""The average is the formula's, stands in for the weights where it should, and survives a stop."""

from __future__ import annotations

import pytest
import torch

from llm.training.averaging import averaged, keep_average, swap_averages


def test_the_average_is_that_of_the_formula():
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = torch.optim.AdamW([weight], lr=0.1)
    keep_average(optimizer, 0.5)
    expected = None
    for step in range(1, 15):
        weight.grad = torch.tensor([0.3, -0.1 * step])
        optimizer.step()
        now = weight.detach().clone()
        kept = min(0.5, (step + 1) / (step + 10))
        expected = now if expected is None else kept * expected + (1 - kept) * now
    held = weight.detach().clone()
    with averaged(optimizer):
        torch.testing.assert_close(weight.detach(), expected)
        assert not torch.equal(weight, held)
    assert torch.equal(weight, held)


def test_without_averages_nothing_changes_places():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight], lr=0.1)
    weight.grad = torch.ones(2)
    optimizer.step()
    held = weight.detach().clone()
    swap_averages(optimizer)
    assert torch.equal(weight, held)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_training_ends_with_the_average_and_never_learns_from_it(small, optimizer):
    plain, average = small(), small()
    plain.train(optimizer=optimizer)
    found = average.train(optimizer=optimizer, average_decay=0.9)
    assert average.weights() != plain.weights()
    assert found.last["validation_loss"] == pytest.approx(
        average.task.evaluate(average.model)["validation_loss"], rel=1e-6
    )
    rarely = small()
    rarely.train(optimizer=optimizer, average_decay=0.9, evaluate_every_steps=1)
    assert rarely.weights() == average.weights()
