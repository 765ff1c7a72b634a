"""The reference of small GPT training, after karpathy/nanoGPT's recipe, written anew.

bfloat16 autocast, the fused attention kernel, torch.compile, fused AdamW with two groups, clipped
gradients, tied embeddings, a vocabulary padded to a multiple of 64. Logits of the whole batch are
held, as there. GELU is the exact one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from benchmarks.peers.step import Step
from llm.model.config import GPTConfig


class _Attention(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim, bias=config.qkv_bias)
        self.out = nn.Linear(config.emb_dim, config.emb_dim)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )  # (B, H, T, D)
        y = scaled_dot_product_attention(queries, keys, values, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().flatten(2))


class _Block(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        width = config.emb_dim
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = _Attention(config)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.first_norm(x))
        return x + self.think(self.second_norm(x))


class Reference(nn.Module):
    """The model: inputs and targets, (B, T) each, to the mean loss."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        vocab_size = config.padded_vocab_size
        self.tokens = nn.Embedding(vocab_size, config.emb_dim)
        self.places = nn.Embedding(config.context_length, config.emb_dim)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.emb_dim)
        self.head = nn.Linear(config.emb_dim, vocab_size, bias=False)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)
        self.head.weight = self.tokens.weight

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        places = torch.arange(inputs.shape[1], device=inputs.device)
        x = self.tokens(inputs) + self.places(places)
        for block in self.blocks:
            x = block(x)
        return cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


def build(config: GPTConfig, *, device: str = "cpu", compile: bool = True) -> Step:
    """A step of the reference's training, which returns the loss."""
    model = Reference(config).to(device)
    forward = torch.compile(model) if compile else model
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": 0.1},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=6e-4,
        betas=(0.9, 0.95),
        fused=True,
    )

    def step(inputs: Tensor, targets: Tensor) -> float:
        with torch.autocast(device, torch.bfloat16):
            loss = forward(inputs.to(device), targets.to(device))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step
