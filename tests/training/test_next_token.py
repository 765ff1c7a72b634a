"""The task of pretraining: documents kept apart are learned as if each stood alone."""

from __future__ import annotations

from itertools import pairwise

import torch

from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.tokens.windows import document_ids
from llm.training.next_token import NextTokenTask


def test_the_loss_of_documents_kept_apart_is_the_sum_over_each_alone() -> None:
    torch.manual_seed(4)
    config = GPTConfig(
        vocab_size=30,
        context_length=16,
        emb_dim=16,
        n_heads=2,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )
    model = GPTModel(config)
    task = NextTokenTask(validation_loss=lambda _: 0.0)
    end = 29
    stream = torch.tensor([3, 4, 5, end, 6, 7, end, 8, 9, 10, 11, 12, end, 1, 2, end, 5])
    inputs, targets = stream[None, :-1], stream[None, 1:]
    batch = {"inputs": inputs, "targets": targets, "document_ids": document_ids(inputs, end)}
    together = task.loss(model, batch)
    assert task.count(batch) == 16
    borders = [0, 3, 6, 12, 15, 16]
    alone = sum(
        task.loss(model, {"inputs": inputs[:, start:stop], "targets": targets[:, start:stop]})
        for start, stop in pairwise(borders)
    )
    torch.testing.assert_close(together, alone)
    del batch["document_ids"]
    assert not torch.allclose(together, task.loss(model, batch), atol=1e-3)
