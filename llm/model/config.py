"""The shape of a GPT: the settings that fix its tensors."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from llm.config import Section

VOCABULARY_MULTIPLE = 64  # matrix products are fastest on whole tiles of this many columns


class ModelShape(Section):
    """A GPT without its vocabulary, which the tokenizer decides."""

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

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.emb_dim % self.n_heads:
            raise ValueError(f"n_heads {self.n_heads} does not divide emb_dim {self.emb_dim}")
        return self


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
        """Rows of the embedding in memory: vocab_size rounded up to VOCABULARY_MULTIPLE."""
        return -(-self.vocab_size // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.emb_dim // self.n_heads
