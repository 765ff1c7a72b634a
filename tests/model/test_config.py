"""Shapes that fit, and shapes that are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from llm.model.config import GPTConfig, ModelShape

FIELDS: dict[str, Any] = {
    "context_length": 8,
    "emb_dim": 12,
    "n_heads": 3,
    "n_layers": 2,
    "drop_rate": 0.0,
    "qkv_bias": True,
    "tie_embeddings": True,
}


def test_a_shape_is_completed_by_a_vocabulary():
    config = GPTConfig.of(ModelShape(**FIELDS), 50_257)
    assert config.model_dump(exclude_defaults=True) == {**FIELDS, "vocab_size": 50_257}
    assert config.head_dim == 4
    assert config.key_value_heads == 3
    assert config.middle_dim == 48


def test_a_gate_takes_no_more_parameters_in_the_feed_forward_part():
    plain, gated = (
        ModelShape(**{**FIELDS, "emb_dim": 768, "feed_forward": kind})
        for kind in ("gelu", "swiglu")
    )
    assert plain.middle_dim == 3072
    assert gated.middle_dim == 2048  # 8 / 3 of the width
    assert 3 * gated.middle_dim == 2 * plain.middle_dim
    assert ModelShape(**FIELDS, feed_forward="swiglu").middle_dim == 64  # a whole tile
    assert ModelShape(**FIELDS, feed_forward_dim=7).middle_dim == 7


@pytest.mark.parametrize(("vocab_size", "padded"), [(1, 64), (64, 64), (65, 128), (50257, 50304)])
def test_the_vocabulary_is_padded_to_whole_tiles(vocab_size, padded):
    assert GPTConfig(**FIELDS, vocab_size=vocab_size).padded_vocab_size == padded


@pytest.mark.parametrize(
    "change",
    [
        {"n_heads": 5},
        {"drop_rate": 1.0},
        {"context_length": 1},
        {"n_layers": 0},
        {"emb_dim": 1.5},
        {"n_kv_heads": 2},
        {"n_heads": 4, "positions": "rotary"},  # heads of 3 numbers make no pairs
        {"norm": "batch"},
        {"sliding_window": 0},
    ],
)
def test_an_impossible_shape_is_refused(change):
    with pytest.raises(ValidationError):
        ModelShape(**{**FIELDS, **change})
