"""The part of a block in which each token thinks alone."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from llm.model.config import ModelShape


class FeedForward(nn.Module):
    """Wider (M numbers), bent by GELU in its tanh formula (Hendrycks and Gimpel 2016), and back."""

    def __init__(self, config: ModelShape) -> None:
        super().__init__()
        self.expand = nn.Linear(config.emb_dim, config.middle_dim, bias=config.bias)
        self.project = nn.Linear(config.middle_dim, config.emb_dim, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C) -> (B, T, C)."""
        x = F.gelu(self.expand(x), approximate="tanh")  # (B, T, M)
        return self.project(x)  # (B, T, C)


class SwiGLU(nn.Module):
    """Wider twice, one half a gate for the other, and back (Shazeer 2020, equation 6)."""

    def __init__(self, config: ModelShape) -> None:
        super().__init__()
        # One product for gate and content: twice the work per read of x.
        self.expand = nn.Linear(config.emb_dim, 2 * config.middle_dim, bias=config.bias)
        self.project = nn.Linear(config.middle_dim, config.emb_dim, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C) -> (B, T, C)."""
        gate, content = self.expand(x).chunk(2, dim=-1)  # (B, T, M) each
        return self.project(F.silu(gate) * content)  # (B, T, C)


def feed_forward(config: ModelShape) -> nn.Module:
    """The one that the configuration names."""
    return SwiGLU(config) if config.feed_forward == "swiglu" else FeedForward(config)
