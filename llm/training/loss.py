"""Cross-entropy straight from hidden states, without ever holding all logits at once."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100
CHUNK_ROWS = 256  # at least: fewer make the head's matrix pass through the cache too often
CHUNK_LOGITS = 2**21  # about what a core's cache holds
# Compiling unrolls the chunks and fuses what is done to them, so few large ones. With too few rows
# adding up the head's gradient, as large as the head, costs more than the products themselves.
COMPILED_CHUNK_BYTES = 2**28


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, vocab_size: int, z_loss: float = 0.0
) -> Tensor:
    """Sum over all targets of the cross-entropy of `hidden @ weight.T`, a float32 scalar in nats.

    hidden: (..., C), what the head reads. weight: (P, C), its matrix, P >= vocab_size; rows from
    vocab_size on are padding, which no token is ever predicted as. targets: (...), int64 ids below
    vocab_size, or IGNORED where nothing is to be learned. z_loss: so many times the square of
    log Σ exp(logits) is added for each target, which keeps the logits from drifting away
    (Chowdhery et al. 2022, section 5).

    The logits of a 124M GPT at 8 × 1,024 tokens take 1.6 GB as float32, several times over with
    their softmax and gradient. Here rows are taken in chunks: each chunk's logits become, at once,
    its loss and its gradients, and are forgotten (the idea of Liger Kernel, Hsu et al. 2024). The
    softmax is computed in float32 under autocast, too.
    """
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
    rows = hidden.reshape(-1, hidden.shape[-1])  # (N, C)
    if not torch.is_grad_enabled():
        return _chunked(rows, weight, targets.reshape(-1), vocab_size, z_loss, gradients=False)[0]
    apply: Any = _LinearCrossEntropy.apply  # torch does not type it
    total: Tensor = apply(rows, weight, targets.reshape(-1), vocab_size, z_loss)
    return total


class _LinearCrossEntropy(torch.autograd.Function):
    """The gradients are made in the forward pass; the backward pass only scales them."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, targets: Tensor, vocab_size: int, z_loss: float
    ) -> Tensor:
        total, to_rows, to_weight = _chunked(
            rows, weight, targets, vocab_size, z_loss, gradients=True
        )
        ctx.save_for_backward(to_rows, to_weight)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        to_rows, to_weight = ctx.saved_tensors
        return (
            (to_rows * gradient).to(to_rows.dtype),
            (to_weight * gradient).to(to_rows.dtype),
            None,
            None,
            None,
        )


def _chunked(
    rows: Tensor,
    weight: Tensor,
    targets: Tensor,
    vocab_size: int,
    z_loss: float,
    *,
    gradients: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The summed loss and, if wanted, its gradients to rows (N, C) and weight (P, C)."""
    size = _chunk_rows(len(rows), weight)
    total = rows.new_zeros((), dtype=torch.float32)
    to_rows = []
    to_weight = torch.zeros_like(weight, dtype=torch.float32)  # (P, C)
    for start in range(0, len(rows), size):
        part, aims = rows[start : start + size], targets[start : start + size]  # (n, C), (n,)
        real = (aims != IGNORED)[:, None]  # (n, 1)
        aims = torch.where(real, aims[:, None], 0)  # (n, 1)
        logits = _logits(part, weight, vocab_size)  # (n, P)
        scores = F.log_softmax(logits, dim=-1, dtype=torch.float32)  # (n, P)
        total = total - (scores.gather(1, aims) * real).sum()
        # log Σ exp(logits) is what the softmax took off each logit, so off the first.
        spread = logits[:, :1].float() - scores[:, :1] if z_loss else None  # (n, 1)
        if spread is not None:
            total = total + z_loss * (spread.square() * real).sum()
        if gradients:
            pull = None if spread is None else 1 + 2 * z_loss * spread  # (n, 1)
            slope = _slope(scores, aims, pull).mul_(real).to(part.dtype)  # (n, P)
            to_rows.append(slope @ weight)
            to_weight += slope.T @ part
    return total, torch.cat(to_rows) if to_rows else rows, to_weight


def _chunk_rows(rows: int, weight: Tensor) -> int:
    """Rows per chunk, of `rows` in all: as many as are allowed, in chunks of nearly one size."""
    compiled = torch.compiler.is_compiling()
    wanted = COMPILED_CHUNK_BYTES // weight.element_size() if compiled else CHUNK_LOGITS
    most = max(CHUNK_ROWS, wanted // weight.shape[0])
    chunks = max(1, -(-rows // most))
    return max(1, -(-rows // chunks))


def _logits(part: Tensor, weight: Tensor, vocab_size: int) -> Tensor:
    """Logits (n, P) of rows (n, C), where padding can never be predicted."""
    logits = part @ weight.T  # (n, P)
    if vocab_size < weight.shape[0]:
        padding = torch.arange(weight.shape[0], device=part.device) >= vocab_size  # (P,)
        logits = logits.masked_fill_(padding, -torch.inf)
    return logits


def _slope(scores: Tensor, aims: Tensor, pull: Tensor | None) -> Tensor:
    """Softmax, times `pull` (n, 1), minus one at the target, (n, P); may overwrite `scores`."""
    if torch.compiler.is_compiling():  # a comparison fuses into the pass that is made anyway
        columns = torch.arange(scores.shape[1], device=scores.device)
        softmax = scores.exp() if pull is None else scores.exp() * pull
        return softmax - (columns == aims).to(scores.dtype)
    softmax = scores.exp_() if pull is None else scores.exp_().mul_(pull)
    return softmax.scatter_add_(1, aims, torch.full_like(scores[:, :1], -1.0))
