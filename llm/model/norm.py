"""A vector brought to unit size, so that each block reads numbers of the same order."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llm.model.config import ModelShape

NORM_EPSILON = 1e-5  # GPT-2's and Llama 2's; keeps a norm from dividing by zero


class RMSNorm(nn.Module):
    """x / √(mean of x²), then a scale for each number (Zhang and Sennrich 2019, equation 4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., width) -> the same shape and type, computed in float32."""
        weight = self.weight.float()
        return F.rms_norm(x.float(), weight.shape, weight, NORM_EPSILON).to(x.dtype)


def norm(config: ModelShape) -> nn.Module:
    """The one that the configuration names, over vectors of emb_dim numbers."""
    if config.norm == "rms":
        return RMSNorm(config.emb_dim)
    return nn.LayerNorm(config.emb_dim, eps=NORM_EPSILON, bias=config.bias)
