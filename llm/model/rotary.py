"""Rotary positions: attention sees how far two tokens are apart (RoPE, Su et al. 2021).

Pairs of numbers of a query or key are points in a plane, turned by an angle that grows with the
token's place. The product of a turned query and a turned key then depends on their distance alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

Rotation = tuple[Tensor, Tensor]  # cosines and sines, (..., T, 1, D / 2) each


def rotation(places: Tensor, head_dim: int, base: float) -> Rotation:
    """How far each place turns each pair: pair i by places · base^(-2i / D) (section 3.2.2).

    places: (T,) or (B, T) -> float32, with an axis of one for the heads.
    """
    pairs = torch.arange(0, head_dim, 2, device=places.device) / head_dim  # (D / 2,)
    angles = places[..., None, None] * base**-pairs  # (..., T, 1, D / 2)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, by: Rotation) -> Tensor:
    """Queries or keys x (B, T, H, D), turned. Pair i is numbers i and i + D / 2, as in Llama."""
    cos, sin = by
    first, second = x.chunk(2, dim=-1)  # (B, T, H, D / 2) each
    turned = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    return turned.to(x.dtype)  # (B, T, H, D), computed in float32
