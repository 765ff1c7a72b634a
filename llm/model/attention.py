"""Causal multi-head self-attention (Vaswani et al. 2017, "Attention Is All You Need")."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llm.model.cache import KeyValueCache
from llm.model.config import GPTConfig


class CausalSelfAttention(nn.Module):
    """Every token gathers from itself and the tokens before it, in n_heads ways at once."""

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.n_heads = config.n_heads
        self.drop_rate = config.drop_rate
        # One product for queries, keys and values: three times the work per read of x.
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim, bias=config.qkv_bias)
        self.project = nn.Linear(config.emb_dim, config.emb_dim)

    def forward(
        self,
        x: Tensor,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """x: (B, T, C) -> (B, T, C). For the others see `GPTModel.hidden`; mask: (B, 1, T, S)."""
        B, T, C = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.n_heads, C // self.n_heads)  # (B, T, 3, H, D)
        queries, keys, values = qkv.unbind(2)  # (B, T, H, D) each
        if cache is not None:
            keys, values = cache.store(self.layer, keys, values, positions)  # (B, S, H, D)
        gathered = F.scaled_dot_product_attention(
            queries.transpose(1, 2),  # (B, H, T, D)
            keys.transpose(1, 2),  # (B, H, S, D)
            values.transpose(1, 2),  # (B, H, S, D)
            attn_mask=mask,
            dropout_p=self.drop_rate if self.training else 0.0,
            is_causal=mask is None,
        )  # (B, H, T, D)
        return self.project(gathered.transpose(1, 2).reshape(B, T, C))  # (B, T, C)


def plain_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What the fused kernel above computes, written out: the reference that tests hold it to.

    queries, keys, values: (B, H, T, D) -> (B, H, T, D). Equation 1 of Vaswani et al. 2017 with
    the causal mask of the decoder: softmax(Q Kᵀ / √D) V, where no token sees a later one.
    """
    T, D = queries.shape[-2:]
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(D)  # (B, H, T, T)
    later = torch.ones(T, T, dtype=torch.bool, device=queries.device).triu(diagonal=1)  # (T, T)
    weights = scores.masked_fill(later, -math.inf).softmax(dim=-1)  # (B, H, T, T)
    return weights @ values  # (B, H, T, D)
