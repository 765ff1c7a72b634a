"""Causal multi-head self-attention (Vaswani et al. 2017, "Attention Is All You Need")."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from llm.model.cache import KeyValueCache
from llm.model.config import GPTConfig
from llm.model.norm import RMSNorm
from llm.model.rotary import Rotation, rotate

# Of queries in training on a CPU: each block is compiled by itself, so few of them.
SHORTEST_BLOCK, MOST_BLOCKS = 128, 4


class CausalSelfAttention(nn.Module):
    """Every token gathers from itself and the tokens before it, in n_heads ways at once.

    recompute: as in `GPTModel`; then the fused kernel serves, for compiled with blocks, and made
    anew with the whole layer, the weights of all blocks stand in memory at once.
    """

    recompute = False

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.heads = (config.n_heads, config.key_value_heads, config.key_value_heads)
        self.drop_rate = config.drop_rate
        # One product for queries, keys and values: three times the work per read of x.
        self.qkv = nn.Linear(
            config.emb_dim, sum(self.heads) * config.head_dim, bias=config.qkv_bias
        )
        if config.qk_norm:
            self.query_norm = RMSNorm(config.head_dim)
            self.key_norm = RMSNorm(config.head_dim)
        self.qk_norm = config.qk_norm
        self.project = nn.Linear(config.emb_dim, config.emb_dim, bias=config.bias)

    def forward(
        self,
        x: Tensor,
        *,
        rotation: Rotation | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """x: (B, T, C) -> (B, T, C).

        rotation: by how much queries and keys are turned; None: not at all. mask: (B | 1, 1, T, S)
        booleans; None: causal. For the others see `GPTModel.hidden`.
        """
        split = self.split(x, rotation)  # (B, T, H | K, D) each
        queries, keys, values = (part.transpose(1, 2) for part in split)  # (B, H | K, T, D)
        if cache is not None:
            keys, values = cache.store(self.layer, keys, values, positions)  # (B, K, S, D)
            queries = queries.to(keys)  # the cache may keep more digits
        dropout = self.drop_rate if self.training else 0.0
        if dropout == 0.0 and not self.recompute and _blocks_are_faster(queries):
            gathered = attention_by_blocks(queries, keys, values, mask)  # (B, H, T, D)
        else:
            gathered = F.scaled_dot_product_attention(
                queries,  # (B, H, T, D)
                keys,  # (B, K, S, D)
                values,  # (B, K, S, D)
                attn_mask=mask,
                dropout_p=dropout,
                is_causal=mask is None,
                enable_gqa=self.heads[0] != self.heads[1],
            )  # (B, H, T, D)
        return self.project(gathered.transpose(1, 2).flatten(2))  # (B, T, C)

    def split(self, x: Tensor, rotation: Rotation | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, T, H, D), keys and values (B, T, K, D) of x (B, T, C), K = n_kv_heads."""
        qkv = self.qkv(x).view(*x.shape[:2], sum(self.heads), -1)  # (B, T, H + 2K, D)
        queries, keys, values = qkv.split(self.heads, dim=2)
        if self.qk_norm:
            queries, keys = self.query_norm(queries), self.key_norm(keys)
        if rotation is not None:
            queries, keys = rotate(queries, rotation), rotate(keys, rotation)
        return queries, keys, values


def _blocks_are_faster(queries: Tensor) -> bool:
    """Whether training on a CPU, where the fused kernel's backward pass is slow.

    Forward and backward, fused and by blocks, of 32 texts of 48 tokens with 6 heads: 17 and 4 ms in
    bfloat16, 6 and 4 in float32; of 16 of 256 with 12 heads 101 and 53, 91 and 71; of 8 of 1,024
    369 and 364, 455 and 501, and compiled 671 and 594 with the projections around it (two threads,
    AVX-512, torch 2.13).
    """
    return queries.device.type == "cpu" and queries.requires_grad


def attention_by_blocks(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
) -> Tensor:
    """`plain_attention` for a block of queries at a time, which skips the keys after each block.

    Four blocks make five of every eight products. Of more than two the weights, T² numbers a head,
    are not kept: the backward pass makes them anew (as Dao et al. 2022 do). mask: if any, lets no
    token see a later one.
    """
    T = queries.shape[-2]
    size = max(SHORTEST_BLOCK, -(-T // MOST_BLOCKS))
    attend = plain_attention
    if 2 * size < T:
        attend = partial(checkpoint, plain_attention, use_reentrant=False, preserve_rng_state=False)
    gathered = []
    for start in range(0, T, size):
        end = min(start + size, T)
        seen = None if mask is None else mask[..., start:end, :end]
        rows = queries[:, :, start:end]  # (B, H, t, D)
        gathered.append(attend(rows, keys[:, :, :end], values[:, :, :end], seen))
    return torch.cat(gathered, dim=2)  # (B, H, T, D)


def plain_attention(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
) -> Tensor:
    """What the fused kernel above computes, written out; tests hold one to the other.

    queries (B, H, T, D), keys and values (B, K, S, D), for the others see `attention_weights`
    -> (B, H, T, D). Equation 1 of Vaswani et al. 2017: softmax(Q Kᵀ / √D) V.
    """
    weights = attention_weights(queries, keys, mask)  # (B, H, T, S)
    grouped = _by_key_head(weights, values.shape[1])  # (B, K, H / K, T, S)
    return (grouped.to(values) @ values[:, :, None]).flatten(1, 2)  # (B, H, T, D)


def attention_weights(queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """How much each token gathers from each, softmax(Q Kᵀ / √D): (B, H, T, S), rows sum to 1.

    queries (B, H, T, D), keys (B, K, S, D): each of the K serves H / K heads in a row. mask: who
    may see whom, broadcast to (B, H, T, S); None: no token sees a later one, as in the decoder,
    where the queries are those of the last T tokens. In float32.
    """
    T, S = queries.shape[-2], keys.shape[-2]
    scaled = queries / math.sqrt(queries.shape[-1])  # (B, H, T, D)
    grouped = _by_key_head(scaled, keys.shape[1])  # (B, K, H / K, T, D)
    scores = (grouped @ keys[:, :, None].transpose(-2, -1)).flatten(1, 2)  # (B, H, T, S)
    if mask is None:
        mask = torch.ones(T, S, dtype=torch.bool, device=queries.device).tril(S - T)
    unseen = torch.zeros(mask.shape, device=queries.device).masked_fill(~mask, -math.inf)
    return (scores + unseen).softmax(dim=-1)  # (B, H, T, S)


def _by_key_head(heads: Tensor, n_kv_heads: int) -> Tensor:
    """(B, H, ...) -> (B, K, H / K, ...): the heads that share a key and a value together."""
    return heads.reshape(len(heads), n_kv_heads, -1, *heads.shape[2:])
