"""The chunked loss equals the plain one: value, gradients, ignored targets, padding, bfloat16."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from llm.training import loss
from llm.training.loss import IGNORED, linear_cross_entropy


def problem(rows: int = 37, *, width: int = 16, vocab_size: int = 61, padded: int = 64) -> tuple:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, width, generator=generator, requires_grad=True)
    weight = torch.randn(padded, width, generator=generator, requires_grad=True)
    targets = torch.randint(0, vocab_size, (rows,), generator=generator)
    targets[::5] = IGNORED
    return hidden, weight, targets, vocab_size


def plain(
    hidden: Tensor, weight: Tensor, targets: Tensor, vocab_size: int, z_loss: float = 0.0
) -> Tensor:
    logits = F.linear(hidden, weight)[..., :vocab_size].float()
    spread = logits.logsumexp(-1)[targets != IGNORED]
    total = F.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
    return total + z_loss * spread.square().sum()


@pytest.fixture
def _many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHUNK_ROWS", "CHUNK_LOGITS", "COMPILED_CHUNK_BYTES"):
        monkeypatch.setattr(loss, name, 8)


@pytest.mark.usefixtures("_many_chunks")
@pytest.mark.parametrize("padded", [61, 64])
@pytest.mark.parametrize("z_loss", [0.0, 0.3])
def test_equals_plain_cross_entropy(padded: int, z_loss: float) -> None:
    hidden, weight, targets, vocab_size = problem(padded=padded)
    found = linear_cross_entropy(hidden, weight, targets, vocab_size=vocab_size, z_loss=z_loss)
    gradients = torch.autograd.grad(found / 7, [hidden, weight])
    expected = plain(hidden, weight, targets, vocab_size, z_loss)
    for ours, theirs in zip(
        gradients, torch.autograd.grad(expected / 7, [hidden, weight]), strict=True
    ):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(found, expected)
    assert found.dtype == torch.float32
    with torch.no_grad():
        without = linear_cross_entropy(
            hidden, weight, targets, vocab_size=vocab_size, z_loss=z_loss
        )
    torch.testing.assert_close(without, expected)


def test_the_shape_of_the_batch_does_not_matter() -> None:
    hidden, weight, targets, vocab_size = problem(rows=36)
    flat = linear_cross_entropy(hidden, weight, targets, vocab_size=vocab_size)
    folded = linear_cross_entropy(
        hidden.view(4, 9, -1), weight, targets.view(4, 9), vocab_size=vocab_size
    )
    assert torch.equal(flat, folded)


def test_padding_is_never_predicted_and_never_moved() -> None:
    hidden, weight, targets, vocab_size = problem()
    with torch.no_grad():
        weight[vocab_size:] = 1e3  # would take all probability
    found = linear_cross_entropy(hidden, weight, targets, vocab_size=vocab_size)
    torch.testing.assert_close(found, plain(hidden, weight, targets, vocab_size))
    found.backward()
    assert torch.all(weight.grad[vocab_size:] == 0)


def test_nothing_to_learn_is_zero_without_gradient() -> None:
    hidden, weight, targets, vocab_size = problem()
    found = linear_cross_entropy(
        hidden, weight, torch.full_like(targets, IGNORED), vocab_size=vocab_size
    )
    found.backward()
    assert found.item() == 0
    assert torch.all(hidden.grad == 0)
    assert torch.all(weight.grad == 0)


def test_under_autocast_it_stays_within_bfloat16_of_the_truth() -> None:
    hidden, weight, targets, vocab_size = problem(rows=512)
    exact = plain(hidden, weight, targets, vocab_size)
    exact_gradient = torch.autograd.grad(exact, weight)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = linear_cross_entropy(hidden, weight, targets, vocab_size=vocab_size)
    found.backward()
    assert found.dtype == torch.float32
    assert weight.grad.dtype == torch.float32
    torch.testing.assert_close(found, exact, rtol=2e-3, atol=0)
    error = (weight.grad - exact_gradient).norm() / exact_gradient.norm()
    assert error < 2e-2


@pytest.mark.slow
@pytest.mark.usefixtures("_many_chunks", "compiler")
@pytest.mark.parametrize("z_loss", [0.0, 0.3])
def test_compiled_equals_eager(z_loss: float) -> None:
    hidden, weight, targets, vocab_size = problem()
    compiled = torch.compile(linear_cross_entropy, dynamic=False)
    found = []
    for function in (linear_cross_entropy, compiled):
        total = function(hidden, weight, targets, vocab_size=vocab_size, z_loss=z_loss)
        found.append((total, *torch.autograd.grad(total, [hidden, weight])))
    for eager, other in zip(*found, strict=True):
        torch.testing.assert_close(eager, other)


@pytest.mark.parametrize(("rows", "size"), [(0, 1), (8, 8), (9, 5), (20, 7), (24, 8)])
def test_chunks_are_of_nearly_one_size(
    monkeypatch: pytest.MonkeyPatch, rows: int, size: int
) -> None:
    monkeypatch.setattr(loss, "CHUNK_ROWS", 8)
    monkeypatch.setattr(loss, "CHUNK_LOGITS", 1)
    assert loss._chunk_rows(rows, torch.empty(64, 4)) == size
