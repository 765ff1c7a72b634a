"""The shape of a GPT: the settings that fix its tensors."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from llm.config import Section

TILE = 64  # matrix products are fastest on a multiple of this many columns


class ModelShape(Section):
    """A GPT without its vocabulary, which the tokenizer decides.

    The settings without a value of their own are GPT-2's; with positions rotary, norm rms,
    feed_forward swiglu, qkv_bias and bias false it is a Llama (Touvron et al. 2023).
    """

    context_length: int = Field(ge=2, description="Longest text the model sees, in tokens.")
    emb_dim: int = Field(ge=1, description="Width of a token's vector, in numbers.")
    n_heads: int = Field(ge=1, description="Attention heads per layer; divides emb_dim.")
    n_layers: int = Field(ge=1, description="Transformer blocks, one after the other.")
    drop_rate: float = Field(
        ge=0.0, lt=1.0, description="Fraction dropped of embeddings, attention and residuals."
    )
    qkv_bias: bool = Field(description="Whether queries, keys and values have a bias, as GPT-2's.")
    tie_embeddings: bool = Field(
        description="Whether the output head reuses the token embedding, as GPT-2's."
    )
    bias: bool = Field(
        True, description="Whether the other linear layers and LayerNorm have a bias, as GPT-2's."
    )
    positions: Literal["learned", "rotary"] = Field(
        "learned",
        description="learned: a vector for each place, added to the token's. rotary: queries and "
        "keys are turned by an angle that grows with the place (RoPE, Su et al. 2021).",
    )
    rotary_base: float = Field(
        10_000.0, gt=1.0, description="RoPE: the slowest turn takes about 2π times so many tokens."
    )
    norm: Literal["layer", "rms"] = Field(
        "layer", description="LayerNorm (Ba et al. 2016) or RMSNorm (Zhang and Sennrich 2019)."
    )
    feed_forward: Literal["gelu", "swiglu"] = Field(
        "gelu", description="How a token thinks: as GPT-2, or gated by SiLU (Shazeer 2020)."
    )
    feed_forward_dim: int | None = Field(
        None,
        ge=1,
        description="Width in the middle of the feed-forward part; null: 4 emb_dim, or for swiglu "
        "two thirds of it in whole tiles, which takes as many parameters.",
    )
    n_kv_heads: int | None = Field(
        None,
        ge=1,
        description="Heads of keys and values, each shared by a group of query heads "
        "(Ainslie et al. 2023); divides n_heads; null: n_heads.",
    )
    qk_norm: bool = Field(
        False, description="Whether each head's queries and keys pass RMSNorm (Henry et al. 2020)."
    )
    sliding_window: int | None = Field(
        None,
        ge=1,
        description="Tokens that a token attends to, itself and those before it (Beltagy et al. "
        "2020); null: all of its text.",
    )

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.emb_dim % self.n_heads:
            raise ValueError(f"n_heads {self.n_heads} does not divide emb_dim {self.emb_dim}")
        if self.n_heads % self.key_value_heads:
            raise ValueError(f"n_kv_heads {self.n_kv_heads} does not divide n_heads {self.n_heads}")
        if self.positions == "rotary" and self.head_dim % 2:
            raise ValueError(f"rotary positions need heads of even width, not {self.head_dim}")
        return self

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.emb_dim // self.n_heads

    @property
    def key_value_heads(self) -> int:
        """Heads of keys and values: n_kv_heads, or as many as there are query heads."""
        return self.n_kv_heads or self.n_heads

    @property
    def middle_dim(self) -> int:
        """Width in the middle of the feed-forward part."""
        if self.feed_forward_dim is not None:
            return self.feed_forward_dim
        if self.feed_forward == "gelu":
            return 4 * self.emb_dim
        return -(-8 * self.emb_dim // (3 * TILE)) * TILE


class GPTConfig(ModelShape):
    """A whole GPT."""

    vocab_size: int = Field(ge=1, description="Token ids the model reads and predicts.")

    @classmethod
    def of(cls, shape: ModelShape, vocab_size: int) -> GPTConfig:
        """The shape completed by a tokenizer's vocabulary."""
        fields = {name: getattr(shape, name) for name in ModelShape.model_fields}
        return cls(**fields, vocab_size=vocab_size)

    @property
    def padded_vocab_size(self) -> int:
        """Rows of the embedding in memory: vocab_size rounded up to whole tiles."""
        return -(-self.vocab_size // TILE) * TILE
