"""The fused attention is the plain one."""

import pytest
import torch

from llm.model.attention import CausalSelfAttention, attention_by_blocks, plain_attention
from llm.model.config import GPTConfig
from llm.model.documents import document_mask
from llm.model.mask import causal_mask


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


def heads(tokens: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries of 4 heads, keys and values of 2, of 2 texts."""
    torch.manual_seed(0)
    queries, keys, values = (torch.randn(2, count, tokens, 8) for count in (4, 2, 2))
    return queries.requires_grad_(), keys.requires_grad_(), values.requires_grad_()


def masks(tokens: int) -> dict[str, torch.Tensor | None]:
    places = torch.arange(tokens)
    documents = torch.stack([places // 50, places // 90])
    return {
        "causal": None,
        "window": causal_mask(places, tokens, 40),
        "documents": document_mask(documents, None),
    }


# One block, a little more, two, three of which the last is short, and four.
@pytest.mark.parametrize("tokens", [1, 60, 130, 256, 300, 520])
@pytest.mark.parametrize("kind", ["causal", "window", "documents"])
def test_attention_by_blocks_is_the_plain_one_and_so_are_its_gradients(tokens, kind):
    mask = masks(tokens)[kind]
    found, expected = heads(tokens), heads(tokens)
    weight = torch.randn(2, 4, tokens, 8)
    gathered = attention_by_blocks(*found, mask)
    torch.testing.assert_close(gathered, plain_attention(*expected, mask))
    (gathered * weight).sum().backward()
    (plain_attention(*expected, mask) * weight).sum().backward()
    for part, other in zip(found, expected, strict=True):
        torch.testing.assert_close(part.grad, other.grad)


def test_attention_by_blocks_keeps_no_weights_of_a_long_text():
    tokens = 512
    kept: list[int] = []

    def keep(tensor):
        kept.append(tensor.untyped_storage().nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        attention_by_blocks(*heads(tokens))
    weights_of_one_block = 2 * 4 * 128 * 128 * 4
    assert max(kept) < weights_of_one_block
