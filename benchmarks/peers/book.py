"""Pretraining as Raschka's *Build a Large Language Model (From Scratch)* teaches it, rebuilt.

Plain PyTorch in float32, run eagerly: queries, keys and values by three layers, a mask that stands
in memory, LayerNorm and GELU from their formulas, cross-entropy over all logits at once, a head of
its own, AdamW as it comes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.peers.step import Step
from llm.model.config import GPTConfig


class _Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=-1, keepdim=True)
        variance = x.var(dim=-1, keepdim=True, unbiased=False)
        return self.scale * ((x - mean) / torch.sqrt(variance + 1e-5)) + self.shift


class _Gelu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3))
        return 0.5 * x * (1 + torch.tanh(inner))


class _Attention(nn.Module):
    later: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        width = config.emb_dim
        self.n_heads = config.n_heads
        self.query, self.key, self.value = (
            nn.Linear(width, width, bias=config.qkv_bias) for _ in range(3)
        )
        self.out = nn.Linear(width, width)
        ones = torch.ones(config.context_length, config.context_length)
        self.register_buffer("later", ones.triu(diagonal=1))

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = (
            layer(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )  # (B, H, T, D)
        length = x.shape[1]
        scores = queries @ keys.transpose(2, 3)  # (B, H, T, T)
        scores.masked_fill_(self.later.bool()[:length, :length], -torch.inf)
        weights = torch.softmax(scores / keys.shape[-1] ** 0.5, dim=-1)
        return self.out((weights @ values).transpose(1, 2).contiguous().flatten(2))


class _Block(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        width = config.emb_dim
        self.first_norm, self.second_norm = _Norm(width), _Norm(width)
        self.attention = _Attention(config)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), _Gelu(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.first_norm(x))
        return x + self.think(self.second_norm(x))


class _GPT(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.emb_dim)
        self.places = nn.Embedding(config.context_length, config.emb_dim)
        self.blocks = nn.Sequential(*(_Block(config) for _ in range(config.n_layers)))
        self.norm = _Norm(config.emb_dim)
        self.head = nn.Linear(config.emb_dim, config.vocab_size, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.tokens(inputs) + self.places(torch.arange(inputs.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def build(config: GPTConfig) -> Step:
    """A step of the book's training, which returns the loss."""
    model = _GPT(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-4, weight_decay=0.1)

    def step(inputs: Tensor, targets: Tensor) -> float:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.item()

    return step
