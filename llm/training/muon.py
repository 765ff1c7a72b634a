"""Muon: matrices learn by orthogonal steps (Jordan et al. 2024), everything else by AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
# Of the odd polynomial a x + b x³ + c x⁵, chosen by Jordan for its slope at 0: five times applied
# it brings every singular value from 0.01 to 1 near 1, to within about a third.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
ADAMW_SIZE = 0.2  # root mean square of AdamW's usual updates (Liu et al. 2025, section 2.2)


class Muon(torch.optim.Optimizer):
    """Moves a matrix as far in every direction that its gradients agree on.

    The momentum of the gradient, U S Vᵀ, is brought near U Vᵀ: rare directions count as much as
    frequent ones. The step is scaled to the size of AdamW's, so that one learning rate and one
    decay serve both (Liu et al. 2025, equation 4). `others` is AdamW over all other parameters;
    groups and state of both stand here, by parameter, as if they were one optimizer.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        others: torch.optim.Optimizer,
        *,
        lr: float,
        weight_decay: float,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})
        self._own_groups = len(self.param_groups)
        self._others = others
        self.param_groups += others.param_groups  # the same dictionaries
        others.state = self.state

    @torch.no_grad()
    # Optimizer.step has a second form, which calls the closure it is given and returns its loss.
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; there is no closure to call."""
        assert closure is None
        self._others.step()
        for group in self.param_groups[: self._own_groups]:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, matrix.grad, group["lr"], group["weight_decay"])

    def _move(self, matrix: Tensor, gradient: Tensor, lr: float, weight_decay: float) -> None:
        state: dict[str, Any] = self.state[matrix]
        if not state:
            state["step"] = torch.zeros((), device=matrix.device)
            state["momentum"] = torch.zeros_like(matrix)
        state["step"] += 1
        momentum = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM)  # Nesterov's
        size = ADAMW_SIZE * math.sqrt(max(matrix.shape))
        matrix.mul_(1 - lr * weight_decay)
        matrix.add_(orthogonal(ahead).to(matrix.dtype), alpha=-lr * size)


def orthogonal(matrix: Tensor) -> Tensor:
    """About U Vᵀ of matrix = U S Vᵀ, (m, n) -> (m, n), in bfloat16.

    Newton and Schulz's iteration, of matrix products alone, which any device is fast at.
    """
    a, b, c = COEFFICIENTS
    x = matrix.bfloat16()
    x = x.T if matrix.shape[0] > matrix.shape[1] else x  # the smaller square below
    x = x / (x.norm() + 1e-7)  # no singular value above 1
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x
