"""The running average of the weights, smoother than the weights themselves.

An exponential average over the updates (Polyak and Juditsky 1992 average evenly; TensorFlow's
ExponentialMovingAverage rises to its decay as here). It is kept in the optimizer's state, by
parameter, and so is saved, resumed and divided among devices as that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_AVERAGE = "average"


def keep_average(optimizer: torch.optim.Optimizer, decay: float) -> None:
    """After every step, mix the weights into their average: it remembers about 1 / (1 - decay).

    In the first updates it remembers less, t + 1 of t + 10, so that the start is soon forgotten.
    """

    @torch.no_grad()
    def follow(optimizer: torch.optim.Optimizer, _args: Any, _settings: Any) -> None:
        for weights, state in optimizer.state.items():
            if _AVERAGE not in state:
                state[_AVERAGE] = weights.detach().clone()
            step = state["step"].to(weights.device)  # (); no wait for an accelerator
            kept = ((step + 1) / (step + 10)).clamp(max=decay)
            state[_AVERAGE].lerp_(weights, (1 - kept).to(weights.dtype))

    optimizer.register_step_post_hook(follow)


@contextmanager
def averaged(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Inside, the model's weights are the averages, where averages are kept."""
    swap_averages(optimizer)
    try:
        yield
    finally:
        swap_averages(optimizer)


@torch.no_grad()
def swap_averages(optimizer: torch.optim.Optimizer) -> None:
    """Let weights and averages change places; without averages nothing happens."""
    for weights, state in optimizer.state.items():
        if _AVERAGE in state:
            held = weights.detach().clone()
            weights.copy_(state[_AVERAGE])
            state[_AVERAGE].copy_(held)
