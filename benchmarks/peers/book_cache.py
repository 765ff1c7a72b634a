"""Decoding as Raschka's *Build a Large Language Model (From Scratch)* teaches it, rebuilt.

Plain PyTorch in float32, run eagerly: queries, keys and values by three layers, LayerNorm and GELU
from their formulas, keys and values of earlier tokens joined to the new ones by concatenation, the
head at every position that is read.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from llm.model.gpt import GPTModel


class _Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=-1, keepdim=True)
        variance = x.var(dim=-1, keepdim=True, unbiased=False)
        return self.scale * centred / torch.sqrt(variance + 1e-5) + self.shift


class _Attention(nn.Module):
    def __init__(self, width: int, n_heads: int, context_length: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        later = torch.ones(context_length, context_length, dtype=torch.bool).triu(diagonal=1)
        self.register_buffer("later", later)
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        batch, new, width = x.shape
        queries, keys, values = (
            layer(x).view(batch, new, self.n_heads, width // self.n_heads)  # (B, T, H, D)
            for layer in (self.query, self.key, self.value)
        )
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], dim=1)
            values = torch.cat([self.values, values], dim=1)
        self.keys, self.values = keys, values  # (B, S, H, D)
        read = keys.shape[1]
        scores = queries.transpose(1, 2) @ keys.transpose(1, 2).transpose(2, 3)  # (B, H, T, S)
        scores = scores.masked_fill(self.get_buffer("later")[read - new : read, :read], -torch.inf)
        weights = torch.softmax(scores / math.sqrt(keys.shape[-1]), dim=-1)
        gathered = (weights @ values.transpose(1, 2)).transpose(1, 2)  # (B, T, H, D)
        return self.out(gathered.contiguous().view(batch, new, width))


class _Gelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3))
        return 0.5 * x * (1 + torch.tanh(inner))


class _Block(nn.Module):
    def __init__(self, width: int, n_heads: int, context_length: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _Norm(width), _Norm(width)
        self.attention = _Attention(width, n_heads, context_length)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 4 * width), _Gelu(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class BookGPT(nn.Module):
    """GPT-2 in the book's parts, with the weights of one of ours (GPT-2's shape and biases)."""

    def __init__(self, model: GPTModel) -> None:
        super().__init__()
        config = model.config
        width = config.emb_dim
        self.tokens = nn.Embedding(config.vocab_size, width)
        self.places = nn.Embedding(config.context_length, width)
        self.blocks = nn.ModuleList(
            _Block(width, config.n_heads, config.context_length) for _ in range(config.n_layers)
        )
        self.norm = _Norm(width)
        self.head = nn.Linear(width, config.vocab_size, bias=False)
        self.read = 0  # tokens in the cache
        self._take(model.state_dict(), config.vocab_size)
        self.eval()

    def _take(self, weights: dict[str, Tensor], vocab_size: int) -> None:
        """Copy the weights of a model that ties its head to its embedding."""
        ours = {
            "tokens.weight": weights["token_embedding.weight"][:vocab_size],
            "places.weight": weights["position_embedding.weight"],
            "head.weight": weights["token_embedding.weight"][:vocab_size],
            "norm.scale": weights["final_norm.weight"],
            "norm.shift": weights["final_norm.bias"],
        }
        for number in range(len(self.blocks)):
            mine, theirs = f"blocks.{number}", f"blocks.{number}"
            for norm, name in (("norm1", "attention_norm"), ("norm2", "feed_forward_norm")):
                ours[f"{mine}.{norm}.scale"] = weights[f"{theirs}.{name}.weight"]
                ours[f"{mine}.{norm}.shift"] = weights[f"{theirs}.{name}.bias"]
            for kind in ("weight", "bias"):
                thirds = weights[f"{theirs}.attention.qkv.{kind}"].chunk(3)
                for layer, third in zip(("query", "key", "value"), thirds, strict=True):
                    ours[f"{mine}.attention.{layer}.{kind}"] = third
                ours[f"{mine}.attention.out.{kind}"] = weights[f"{theirs}.attention.project.{kind}"]
                for place, layer in ((0, "expand"), (2, "project")):
                    ours[f"{mine}.feed_forward.{place}.{kind}"] = weights[
                        f"{theirs}.feed_forward.{layer}.{kind}"
                    ]
        found = self.load_state_dict(ours, strict=False)
        assert not found.unexpected_keys
        assert all(name.endswith("later") for name in found.missing_keys)

    def forget(self) -> None:
        """Empty the cache, for new texts."""
        self.read = 0
        for block in self.blocks:
            attention = block.attention
            assert isinstance(attention, _Attention)
            attention.keys = attention.values = None

    def forward(self, token_ids: Tensor) -> Tensor:
        """token_ids: (B, T), which go on from what was read -> logits (B, T, V)."""
        places = torch.arange(self.read, self.read + token_ids.shape[1])
        self.read += len(places)
        x = self.tokens(token_ids) + self.places(places)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x))
        return logits


@torch.no_grad()
def generate(model: BookGPT, token_ids: Tensor, *, maximum_new_tokens: int) -> Tensor:
    """The likeliest continuation: (B, T) -> (B, T + new), T + new at most the context."""
    model.forget()
    logits = model(token_ids)
    for number in range(maximum_new_tokens):
        chosen = logits[:, -1].argmax(dim=-1, keepdim=True)
        token_ids = torch.cat([token_ids, chosen], dim=1)
        if number + 1 < maximum_new_tokens:
            logits = model(chosen)
    return token_ids
