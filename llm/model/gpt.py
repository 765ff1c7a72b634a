"""The GPT: token ids in, a score for every possible next token out (Radford et al. 2019).

Shapes: B texts of T tokens, C = emb_dim, V = vocab_size, P = V padded to whole tiles.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from llm.model.attention import CausalSelfAttention
from llm.model.cache import KeyValueCache
from llm.model.config import GPTConfig
from llm.model.documents import document_mask, positions_in_documents
from llm.model.feed_forward import feed_forward
from llm.model.mask import causal_mask
from llm.model.norm import norm
from llm.model.rotary import Rotation, rotation

INITIAL_STD = 0.02  # GPT-2's; width of the normal distribution that weights start from


class Block(nn.Module):
    """Tokens talk (attention), then think (feed-forward); each adds to what was there.

    A norm stands before each part, not after it, so that the residual path runs straight from the
    embedding to the head (pre-norm, Radford et al. 2019).
    """

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = norm(config)
        self.attention = CausalSelfAttention(config, layer)
        self.feed_forward_norm = norm(config)
        self.feed_forward = feed_forward(config)
        self.dropout = nn.Dropout(config.drop_rate)

    def forward(
        self,
        x: Tensor,
        *,
        rotation: Rotation | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """x: (B, T, C) -> (B, T, C). The others are attention's."""
        seen = self.attention(
            self.attention_norm(x), rotation=rotation, positions=positions, mask=mask, cache=cache
        )  # (B, T, C)
        x = x + self.dropout(seen)  # (B, T, C)
        thought = self.feed_forward(self.feed_forward_norm(x))  # (B, T, C)
        return x + self.dropout(thought)  # (B, T, C)


class GPTModel(nn.Module):
    """Embeddings, a stack of blocks, a last norm and the head.

    recompute: in training, keep only what enters each block, and compute what is inside anew for
    the backward pass (Chen et al. 2016): a third more work for a fraction of the memory.
    """

    recompute = False

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.padded_vocab_size, config.emb_dim)
        if config.positions == "learned":
            self.position_embedding = nn.Embedding(config.context_length, config.emb_dim)
        self.dropout = nn.Dropout(config.drop_rate)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layers))
        self.final_norm = norm(config)
        if not config.tie_embeddings:
            self.output = nn.Linear(config.emb_dim, config.padded_vocab_size, bias=False)
        self._initialise()

    @property
    def embeddings(self) -> list[nn.Embedding]:
        """What turns token ids, and places where they are learned, into vectors."""
        if self.config.positions == "learned":
            return [self.token_embedding, self.position_embedding]
        return [self.token_embedding]

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
        places, mask = self._places(token_ids, positions, cache, document_ids)
        x = self.token_embedding(token_ids)  # (B, T, C)
        turns = None
        if self.config.positions == "learned":
            x = x + self.position_embedding(places)  # (B, T, C)
        else:
            turns = rotation(places, self.config.head_dim, self.config.rotary_base)
        x = self.dropout(x)  # (B, T, C)
        for block in self.blocks:
            read = partial(block, rotation=turns, positions=positions, mask=mask, cache=cache)
            again = self.recompute and self.training
            x = checkpoint(read, x, use_reentrant=False) if again else read(x)  # (B, T, C)
        return self.final_norm(x)  # (B, T, C)

    def _places(
        self,
        token_ids: Tensor,
        positions: Tensor | None,
        cache: KeyValueCache | None,
        document_ids: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Where each token stands, (T,) or (B, T), and whom it may see, as attention's mask."""
        T, window = token_ids.shape[1], self.config.sliding_window
        if document_ids is not None:
            assert cache is None, "documents that stand in one row have no cache"
            return positions_in_documents(document_ids), document_mask(document_ids, window)
        if positions is not None:
            assert cache is not None, "a text that goes on needs the cache it began in"
            return positions, cache.mask(positions, window)
        places = torch.arange(self.config.context_length, device=token_ids.device)[:T]
        # Without a mask attention is causal by itself.
        return places, None if window is None else causal_mask(places, T, window)

    def head(self, hidden: Tensor) -> Tensor:
        """hidden: (..., C) -> logits (..., V). The padding is computed and cut off again."""
        return F.linear(hidden, self.head_weight)[..., : self.config.vocab_size]  # (..., V)

    @torch.no_grad()
    def _initialise(self) -> None:
        """GPT-2's start: small normal weights, zero biases, plain norms (Radford et al. 2019).

        What a block adds to the residual path starts smaller with depth, as the path sums up two
        additions per layer. Learned positions start as sinusoids of the same size (Vaswani et al.
        2017, section 3.5), in which a fixed distance is a fixed rotation: heads that look at the
        token before are then found in fewer steps. The vocabulary's padding starts at zero; no
        loss ever moves it.
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
        if self.config.positions == "learned":
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
