"""The peers of decoding write the same text as ours, from the same weights."""

import pytest
import torch

from benchmarks import decoding
from benchmarks.peers import book_cache
from llm.model.config import GPTConfig
from llm.model.generate import generate
from llm.model.gpt import GPTModel
from tests.conftest import need_library

CONFIG = GPTConfig(
    vocab_size=70,
    context_length=40,
    emb_dim=24,
    n_heads=3,
    n_layers=2,
    drop_rate=0.0,
    qkv_bias=True,
    tie_embeddings=True,
)


@pytest.fixture
def model() -> GPTModel:
    torch.manual_seed(2)
    model = GPTModel(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(20)
    return model.eval()


def test_the_book_writes_what_ours_writes(model):
    prompts = torch.randint(70, (3, 5))
    theirs = book_cache.generate(book_cache.BookGPT(model), prompts, maximum_new_tokens=20)
    ours = generate(model, prompts.tolist(), maximum_new_tokens=20, end_of_text=None)
    assert theirs[:, 5:].tolist() == ours


def test_transformers_writes_as_many_tokens(model, tmp_path):
    need_library("transformers")
    prompts = torch.randint(70, (2, 5)).tolist()
    for write in decoding._transformers(model, tmp_path).values():
        assert [len(text) for text in write(prompts, 20)] == [25, 25]


def test_rows_have_their_names_and_bars(monkeypatch):
    need_library("transformers")
    monkeypatch.setattr(decoding, "_BATCHES", (1, 2))
    monkeypatch.setattr(decoding, "_PROMPT_TOKENS", 4)
    monkeypatch.setattr(decoding, "_NEW_TOKENS", 3)
    monkeypatch.setattr(decoding, "_LONG_PROMPT_TOKENS", 30)
    monkeypatch.setattr(decoding, "_BANDWIDTH_BYTES", 2**20)
    rows = decoding.rows(repeats=1, shape=CONFIG)
    assert [(row.name, row.unit, row.at_least) for row in rows] == [
        ("decoding 124M, batch 1, against transformers", "tokens/s", 1.5),
        ("decoding 124M, batch 1, against the book", "tokens/s", 2.0),
        ("decoding 124M, batch 1: weights read", "GB/s", 0.0),
        ("decoding 124M, batch 2, against transformers", "tokens/s", 1.5),
        ("time to first token, 124M, prompt of 30 tokens", "s", 2.0),
    ]
    assert all(row.ours > 0 and row.peer > 0 for row in rows)
