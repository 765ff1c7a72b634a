"""The loader: every window once per epoch, orders that differ, and an exact return."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from llm.errors import InputError
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.tokens.loader import WindowLoader
from llm.tokens.windows import Windows
from llm.training.parallel import _Together

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


@pytest.mark.parametrize("batch_size", [1, 4, 9, 27, 60])
def test_the_same_batches_follow_every_state(batch_size: int) -> None:
    """Also at the end of an epoch, and within a batch that two epochs, or three, share."""
    source, other = loader(batch_size), loader(batch_size)
    states, batches = [], []
    for _ in range(3 * COUNT // batch_size + 5):
        states.append(json.loads(json.dumps(source.state())))
        batches.append(seen(source, 1))
    if COUNT % batch_size == 0:
        assert {state["position"] for state in states} >= {0, COUNT}
    for turn, state in enumerate(states[:-3]):
        other.restore(state)
        assert [seen(other, 1) for _ in range(3)] == batches[turn : turn + 3]


@pytest.mark.parametrize("state", [(0, COUNT + 1), (0, -1), (-1, 0)])
def test_a_state_of_other_windows_is_refused(state: tuple[int, int]) -> None:
    source = loader(4)
    with pytest.raises(InputError, match="other windows"):
        source.restore(dict(zip(("epoch", "position"), state, strict=True)))
    assert sorted(seen(source, COUNT)[:COUNT]) == list(range(COUNT))


@pytest.mark.parametrize("readers", [1, 2, 3, 4])
def test_several_readers_share_every_epoch_without_overlap_or_gap(readers: int) -> None:
    """Each reads the same batches and takes its rows, as processes of one training do."""
    sources = [loader(12) for _ in range(readers)]
    crew: list[Any] = [SimpleNamespace(rank=rank, size=readers) for rank in range(readers)]
    given: list[int] = []
    for _ in range(9):  # 4 epochs
        shares = [
            _Together.share(one, source.next_batch())
            for one, source in zip(crew, sources, strict=True)
        ]
        assert {len(share["inputs"]) for share in shares} == {12 // readers}
        for share in shares:
            assert torch.equal(share["inputs"][:, 0], share["sample_ids"] * 4)
        given += [int(number) for share in shares for number in share["sample_ids"]]
    assert Counter(given) == dict.fromkeys(range(COUNT), 4)


@pytest.mark.parametrize("shape", [{}, {"positions": "rotary"}, {"sliding_window": 5}])
def test_packed_documents_neither_see_nor_shift_each_other(shape: dict[str, Any]) -> None:
    """From tokens to the model: each document of a window as if it stood alone in the batch."""
    end, generator = 9, np.random.default_rng(1)
    ids = generator.integers(0, end, 66)
    ids[[3, 10, 11, 30, 47]] = end  # of one token, of many, over the border of windows
    windows = Windows(token_ids=ids.astype(np.uint16), context_length=16, stride=16)
    batch = WindowLoader(windows, batch_size=4, seed=1, end_of_text=end).next_batch()
    torch.manual_seed(3)
    config = GPTConfig(
        vocab_size=10,
        context_length=16,
        emb_dim=24,
        n_heads=3,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
        **shape,
    )
    model = GPTModel(config).eval()
    apart = model(batch["inputs"], document_ids=batch["document_ids"])
    together = model(batch["inputs"])
    found = 0
    for row, inputs in enumerate(batch["inputs"]):
        borders = [0, *(int(at) for at in np.flatnonzero(inputs == end) if at), 16]
        for first, last in pairwise(borders):
            alone = model(inputs[None, first:last])[0]
            torch.testing.assert_close(apart[row, first:last], alone)
            if first:
                assert not torch.allclose(together[row, first:last], alone, atol=1e-3)
            found += 1
    assert found >= 8


def test_batches_say_which_document_a_token_belongs_to() -> None:
    assert "document_ids" not in loader(4).next_batch()
    batch = loader(27, end_of_text=6).next_batch()
    rows = {
        int(row[0]): ids for row, ids in zip(batch["inputs"], batch["document_ids"], strict=True)
    }
    assert rows[4].tolist() == [0, 0, 1, 1]  # the tokens 4, 5, 6, 7
    assert rows[0].tolist() == [0, 0, 0, 0]
