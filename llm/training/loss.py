"""Cross-entropy straight from hidden states, without ever holding all logits at once."""

from __future__ import annotations

from typing import Any

import torch
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
        real = (aims != IGNORED).float()[:, None]  # (n, 1)
        aims = aims.clamp(min=0)[:, None]  # (n, 1)
        logits = part @ weight.T  # (n, P)
        spread = logits[:, :vocab_size].float().logsumexp(dim=-1, keepdim=True)  # (n, 1)
        found = logits.gather(1, aims).float() - spread  # (n, 1), log-likelihoods
        total = total + ((z_loss * spread.square() - found) * real).sum()
        if gradients:
            # Of the loss by the logits: softmax, minus one at the target; of z-loss so much more.
            pull = (1 + 2 * z_loss * spread) * real  # (n, 1)
            slope = logits.float().sub_(spread).exp_().mul_(pull)  # (n, P)
            slope = _less_at(slope, aims, real).to(part.dtype)  # (n, P)
            slope[:, vocab_size:] = 0
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


def _less_at(slope: Tensor, aims: Tensor, real: Tensor) -> Tensor:
    """Slope (n, P) less `real` (n, 1) in the columns `aims` (n, 1); may overwrite it."""
    if torch.compiler.is_compiling():  # fuses into one pass; a scatter would want a second matrix
        columns = torch.arange(slope.shape[1], device=slope.device)
        return slope - (columns == aims) * real
    return slope.scatter_add_(1, aims, -real)
