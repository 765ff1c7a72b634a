"""The loader: every window once per epoch, orders that differ, and an exact return."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from llm.tokens.loader import WindowLoader
from llm.tokens.windows import Windows

COUNT = 27


def loader(batch_size: int, seed: int = 1, **reader: Any) -> WindowLoader:
    ids = np.arange(COUNT * 4 + 1, dtype=np.uint16)
    windows = Windows(token_ids=ids, context_length=4, stride=4)
    return WindowLoader(windows, batch_size=batch_size, seed=seed, **reader)


def seen(source: WindowLoader, batches: int) -> list[int]:
    return [int(i) for _ in range(batches) for i in source.next_batch()["sample_ids"]]


@pytest.mark.parametrize("batch_size", [1, 4, 9, 27, 60])
def test_every_window_once_per_epoch(batch_size: int) -> None:
    source = loader(batch_size)
    assert source.batches_per_epoch == COUNT / batch_size
    numbers = seen(source, 3 * COUNT)
    for epoch in range(3 * batch_size):
        part = numbers[epoch * COUNT : (epoch + 1) * COUNT]
        assert sorted(part) == list(range(COUNT))


def test_inputs_and_targets_are_the_windows() -> None:
    batch = loader(4).next_batch()
    first = batch["sample_ids"] * 4
    assert torch.equal(batch["inputs"], first[:, None] + torch.arange(4))
    assert torch.equal(batch["targets"], batch["inputs"] + 1)
    assert batch["inputs"].dtype == torch.int64


def test_epochs_and_seeds_have_their_own_order() -> None:
    numbers = seen(loader(27), 2)
    assert numbers[:COUNT] != numbers[COUNT:]
    assert numbers[:COUNT] != seen(loader(27, seed=2), 1)
    assert numbers == seen(loader(27), 2)


@pytest.mark.parametrize("before", [0, 3, 7, 14, 27])
def test_the_same_batches_follow_a_restored_state(before: int) -> None:
    source = loader(4)
    seen(source, before)
    state = json.loads(json.dumps(source.state()))
    expected = seen(source, 20)
    other = loader(4)
    other.restore(state)
    assert seen(other, 20) == expected


def test_batches_say_which_document_a_token_belongs_to() -> None:
    assert "document_ids" not in loader(4).next_batch()
    batch = loader(27, end_of_text=6).next_batch()
    rows = {
        int(row[0]): ids for row, ids in zip(batch["inputs"], batch["document_ids"], strict=True)
    }
    assert rows[4].tolist() == [0, 0, 1, 1]  # the tokens 4, 5, 6, 7
    assert rows[0].tolist() == [0, 0, 0, 0]
