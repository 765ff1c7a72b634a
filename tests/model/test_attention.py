"""The fused attention is the plain one."""

import pytest
import torch

from llm.model.attention import CausalSelfAttention, plain_attention
from llm.model.config import GPTConfig


@pytest.mark.parametrize("tokens", [1, 2, 7])
@pytest.mark.parametrize("qkv_bias", [True, False])
def test_fused_attention_equals_plain_attention(tokens, qkv_bias):
    torch.manual_seed(0)
    config = GPTConfig(
        vocab_size=11,
        context_length=8,
        emb_dim=12,
        n_heads=3,
        n_layers=1,
        drop_rate=0.0,
        qkv_bias=qkv_bias,
        tie_embeddings=True,
    )
    attention = CausalSelfAttention(config, layer=0)
    x = torch.randn(2, tokens, 12)
    parts = attention.qkv(x).split(12, dim=-1)
    queries, keys, values = (
        part.view(2, tokens, config.n_heads, config.head_dim).transpose(1, 2) for part in parts
    )
    gathered = plain_attention(queries, keys, values).transpose(1, 2).reshape(2, tokens, 12)
    torch.testing.assert_close(attention(x), attention.project(gathered))


def test_plain_attention_is_a_mean_over_the_past():
    values = torch.arange(8.0).view(1, 1, 4, 2)
    same = torch.zeros(1, 1, 4, 2)
    expected = values.cumsum(dim=2) / torch.arange(1, 5).view(4, 1)
    torch.testing.assert_close(plain_attention(same, same, values), expected)
