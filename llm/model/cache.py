"""The key-value cache: what attention has already computed, kept so that a token is read once."""

from __future__ import annotations

import torch
from torch import Tensor

from llm.model.config import GPTConfig
from llm.model.mask import causal_mask


class KeyValueCache:
    """Preallocated keys and values of every layer. Slot number = position of the token.

    Texts of unequal length stand in one batch padded on the right: causal attention never looks
    right, and the first decoded token overwrites the first padding. So no row is ever shifted.

    keys, values: (n_layers, B, K, S, D), with S slots per row, S <= context_length, K n_kv_heads: a
    head's slots lie side by side, as attention reads them.
    """

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys = keys
        self.values = values

    @classmethod
    def empty(
        cls,
        config: GPTConfig,
        *,
        batch_size: int,
        slots: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> KeyValueCache:
        """Room for `batch_size` texts of up to `slots` tokens."""
        shape = (config.n_layers, batch_size, config.key_value_heads, slots, config.head_dim)
        # Zeros, not garbage: a masked slot has weight 0, and 0 times NaN would be NaN.
        return cls(*(torch.zeros(shape, device=device, dtype=dtype) for _ in range(2)))

    def first(self, slots: int) -> KeyValueCache:
        """A view of the first `slots` slots: attention then reads no further."""
        return KeyValueCache(self.keys[..., :slots, :], self.values[..., :slots, :])

    def select(self, rows: Tensor) -> KeyValueCache:
        """A copy of some rows of the batch. rows: (R,) indices."""
        return KeyValueCache(self.keys[:, rows], self.values[:, rows])

    def mask(self, positions: Tensor, window: int | None = None) -> Tensor:
        """Which slots a token may see: (B, T) -> (B, 1, T, S) booleans, as `causal_mask`."""
        return causal_mask(positions, self.keys.shape[3], window)[:, None]

    def store(
        self, layer: int, keys: Tensor, values: Tensor, positions: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Keep new keys and values, both (B, K, T, D); return those to attend to.

        positions None: the texts begin here; they fill slots 0 to T - 1 and attend to themselves.
        positions (B, T): the texts go on; they attend to all slots, (B, K, S, D), under `mask`.
        """
        if positions is None:
            self.keys[layer, :, :, : keys.shape[2]] = keys
            self.values[layer, :, :, : keys.shape[2]] = values
            return keys, values
        rows = torch.arange(len(positions), device=positions.device)[:, None]  # (B, 1)
        # Indexed by row and slot, the axis of heads comes last but one: (B, T, K, D).
        self.keys[layer][rows, :, positions] = keys.transpose(1, 2).to(self.keys)
        self.values[layer][rows, :, positions] = values.transpose(1, 2).to(self.values)
        return self.keys[layer], self.values[layer]
