"""Who may see whom: a token sees itself and what came before it, all of it or the nearest part."""

from __future__ import annotations

import torch
from torch import Tensor


def causal_mask(places: Tensor, slots: int, window: int | None = None) -> Tensor:
    """Which of the first `slots` places a token may see: those up to its own, `window` at most.

    places: (..., T), where each token stands -> (..., T, S) booleans.
    """
    others = torch.arange(slots, device=places.device)  # (S,)
    seen = others <= places[..., None]  # (..., T, S)
    return seen if window is None else seen & (others > places[..., None] - window)
