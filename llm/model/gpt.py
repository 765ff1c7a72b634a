"""The GPT: token ids in, a score for every possible next token out (Radford et al. 2019).

Shapes: B texts of T tokens, C = emb_dim, V = vocab_size, P = V padded to whole tiles.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llm.model.attention import CausalSelfAttention
from llm.model.cache import KeyValueCache
from llm.model.config import GPTConfig
from llm.model.documents import document_mask, positions_in_documents

NORM_EPSILON = 1e-5  # GPT-2's; keeps LayerNorm from dividing by zero
INITIAL_STD = 0.02  # GPT-2's; width of the normal distribution that weights start from


class FeedForward(nn.Module):
    """Each token thinks alone: four times wider, bent by GELU, and back."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.project = nn.Linear(4 * config.emb_dim, config.emb_dim)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C) -> (B, T, C). GELU by its tanh formula (Hendrycks and Gimpel 2016)."""
        x = F.gelu(self.expand(x), approximate="tanh")  # (B, T, 4C)
        return self.project(x)  # (B, T, C)


class Block(nn.Module):
    """Tokens talk (attention), then think (feed-forward); each adds to what was there.

    LayerNorm (Ba et al. 2016) stands before each part, not after it, so that the residual path
    runs straight from the embedding to the head (pre-norm, Radford et al. 2019).
    """

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.emb_dim, eps=NORM_EPSILON)
        self.attention = CausalSelfAttention(config, layer)
        self.feed_forward_norm = nn.LayerNorm(config.emb_dim, eps=NORM_EPSILON)
        self.feed_forward = FeedForward(config)
        self.dropout = nn.Dropout(config.drop_rate)

    def forward(
        self,
        x: Tensor,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """x: (B, T, C) -> (B, T, C). The others are attention's."""
        seen = self.attention(self.attention_norm(x), positions=positions, mask=mask, cache=cache)
        x = x + self.dropout(seen)  # (B, T, C)
        thought = self.feed_forward(self.feed_forward_norm(x))  # (B, T, C)
        return x + self.dropout(thought)  # (B, T, C)


class GPTModel(nn.Module):
    """Embeddings, a stack of blocks, a last norm and the head."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.padded_vocab_size, config.emb_dim)
        self.position_embedding = nn.Embedding(config.context_length, config.emb_dim)
        self.dropout = nn.Dropout(config.drop_rate)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layers))
        self.final_norm = nn.LayerNorm(config.emb_dim, eps=NORM_EPSILON)
        if not config.tie_embeddings:
            self.output = nn.Linear(config.emb_dim, config.padded_vocab_size, bias=False)
        self._initialise()

    @property
    def head_weight(self) -> Tensor:
        """The head's matrix (P, C); its rows from V on are zero and stay zero."""
        if self.config.tie_embeddings:
            return self.token_embedding.weight
        return self.output.weight

    def forward(
        self,
        token_ids: Tensor,
        *,
        positions: Tensor | None = None,
        cache: KeyValueCache | None = None,
        document_ids: Tensor | None = None,
    ) -> Tensor:
        """token_ids: (B, T) -> the logits of the token that follows each, (B, T, V)."""
        hidden = self.hidden(
            token_ids, positions=positions, cache=cache, document_ids=document_ids
        )  # (B, T, C)
        return self.head(hidden)

    def hidden(
        self,
        token_ids: Tensor,
        *,
        positions: Tensor | None = None,
        cache: KeyValueCache | None = None,
        document_ids: Tensor | None = None,
    ) -> Tensor:
        """What the head reads: token_ids (B, T) -> (B, T, C), T at most context_length.

        cache: keeps keys and values for later calls. positions: (B, T), the place of each token in
        its text, for a text that goes on from its cache; without them every text begins here.
        document_ids: (B, T), growing along T where a row holds several documents end to end, which
        are then read as if each stood alone; never together with a cache.
        """
        if document_ids is not None:
            assert cache is None, "documents that stand in one row have no cache"
            places = self.position_embedding(positions_in_documents(document_ids))  # (B, T, C)
            mask = document_mask(document_ids)  # (B, 1, T, T)
        elif positions is None:
            places = self.position_embedding.weight[: token_ids.shape[1]]  # (T, C)
            mask = None  # attention is causal by itself
        else:
            assert cache is not None, "a text that goes on needs the cache it began in"
            places = self.position_embedding(positions)  # (B, T, C)
            mask = cache.mask(positions)  # (B, 1, T, S)
        x = self.dropout(self.token_embedding(token_ids) + places)  # (B, T, C)
        for block in self.blocks:
            x = block(x, positions=positions, mask=mask, cache=cache)  # (B, T, C)
        return self.final_norm(x)  # (B, T, C)

    def head(self, hidden: Tensor) -> Tensor:
        """hidden: (..., C) -> logits (..., V). The padding is computed and cut off again."""
        return F.linear(hidden, self.head_weight)[..., : self.config.vocab_size]  # (..., V)

    @torch.no_grad()
    def _initialise(self) -> None:
        """GPT-2's start: small normal weights, zero biases, plain norms (Radford et al. 2019).

        What a block adds to the residual path starts smaller with depth, as the path sums up two
        additions per layer. Positions start as sinusoids of the same size (Vaswani et al. 2017,
        section 3.5), in which a fixed distance is a fixed rotation: heads that look at the token
        before are then found in fewer steps. The vocabulary's padding starts at zero; no loss
        ever moves it.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=INITIAL_STD)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        residual_std = INITIAL_STD / math.sqrt(2 * self.config.n_layers)
        for name, parameter in self.named_parameters():
            if name.endswith("project.weight"):
                nn.init.normal_(parameter, std=residual_std)
        self.position_embedding.weight.copy_(_sinusoids(self.position_embedding.weight))
        self.token_embedding.weight[self.config.vocab_size :] = 0.0
        self.head_weight[self.config.vocab_size :] = 0.0


def _sinusoids(like: Tensor) -> Tensor:
    """Sines and cosines of the position at rates from 1 to 1/10,000, (T, C); std INITIAL_STD."""
    T, C = like.shape
    rates = torch.exp(torch.arange(C) // 2 * (-2 * math.log(10_000.0) / C))  # (C,)
    angles = torch.arange(T)[:, None] * rates  # (T, C)
    waves = torch.where(torch.arange(C) % 2 == 0, angles.sin(), angles.cos())  # (T, C)
    return math.sqrt(2) * INITIAL_STD * waves.to(like)
