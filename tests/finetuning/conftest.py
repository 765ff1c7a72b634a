"""A small tokenizer and a small model for the tests of fine-tuning."""

from __future__ import annotations

import pytest
import torch

from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer, train


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    text = "the cat sat on the mat and the dog ran to the red house with a big ball " * 20
    return train([text], vocab_size=290)


@pytest.fixture
def model(tokenizer: Tokenizer) -> GPTModel:
    torch.manual_seed(1)
    config = GPTConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=128,
        emb_dim=32,
        n_heads=2,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )
    return GPTModel(config).eval()


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(device=torch.device("cpu"), autocast=False, threads=1, compile=False)
