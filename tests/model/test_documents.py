"""Documents in one row are read as if each stood alone."""

from __future__ import annotations

import pytest
import torch

from llm.model.config import GPTConfig
from llm.model.documents import document_mask, positions_in_documents
from llm.model.gpt import GPTModel

IDS = torch.tensor([[0, 0, 0, 1, 1, 2], [4, 5, 5, 5, 5, 5]])


@pytest.fixture
def model() -> GPTModel:
    torch.manual_seed(3)
    config = GPTConfig(
        vocab_size=40,
        context_length=16,
        emb_dim=24,
        n_heads=3,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )
    return GPTModel(config)


def test_a_token_sees_its_own_document_up_to_itself() -> None:
    mask = document_mask(IDS)
    assert mask.shape == (2, 1, 6, 6)
    for row in range(2):
        for token in range(6):
            for other in range(6):
                expected = other <= token and IDS[row, other] == IDS[row, token]
                assert mask[row, 0, token, other] == expected


def test_positions_begin_anew_with_each_document() -> None:
    assert positions_in_documents(IDS).tolist() == [[0, 1, 2, 0, 1, 0], [0, 0, 1, 2, 3, 4]]


@pytest.mark.parametrize("training", [True, False])
def test_logits_are_those_of_each_document_alone(model: GPTModel, training: bool) -> None:
    """In training mode the fused and the written-out attention meet."""
    model.train(training)
    lengths = [[1, 6, 9], [16, 0, 0], [5, 5, 6]]
    token_ids = torch.randint(40, (3, 16), generator=torch.Generator().manual_seed(1))
    document_ids = torch.stack(
        [torch.repeat_interleave(torch.arange(3), torch.tensor(row)) for row in lengths]
    )
    together = model(token_ids, document_ids=document_ids)  # (3, 16, V)
    for row, parts in enumerate(lengths):
        start = 0
        for length in filter(None, parts):
            alone = model(token_ids[row : row + 1, start : start + length])[0]  # (length, V)
            torch.testing.assert_close(together[row, start : start + length], alone)
            start += length
    assert not torch.allclose(together[0], model(token_ids)[0], atol=1e-3)


def test_one_document_per_row_is_the_plain_model(model: GPTModel) -> None:
    token_ids = torch.randint(40, (2, 16), generator=torch.Generator().manual_seed(2))
    apart = model(token_ids, document_ids=torch.zeros_like(token_ids))
    torch.testing.assert_close(apart, model(token_ids))
