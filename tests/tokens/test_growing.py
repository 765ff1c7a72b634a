"""Windows in pieces: nothing is lost, shapes are few, and a stop changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llm.tokens.growing import GrowingWindows, mean_length, pieces_at
from llm.tokens.loader import WindowLoader
from llm.tokens.windows import Windows


def loader_of(batches: int, *, length: int = 16, end_of_text: int | None = None) -> GrowingWindows:
    ids = np.random.default_rng(0).integers(0, 50, 20 * length + 1).astype(np.uint16)
    windows = Windows(token_ids=ids, context_length=length, stride=length)
    plain = WindowLoader(windows, batch_size=4, seed=1, end_of_text=end_of_text)
    return GrowingWindows(plain, batches=batches)


def test_windows_come_in_eight_four_two_pieces_and_then_whole():
    loader, plain = loader_of(6, end_of_text=3), loader_of(0, end_of_text=3)
    for pieces in (8, 8, 4, 4, 2, 2, 1, 1):
        found, expected = loader.next_batch(), plain.next_batch()
        assert found["inputs"].shape == (4 * pieces, 16 // pieces)
        for name in ("inputs", "targets", "document_ids"):
            assert torch.equal(found[name].reshape(4, 16), expected[name])
        assert torch.equal(found["sample_ids"], expected["sample_ids"])


def test_every_window_comes_once_per_epoch():
    loader = loader_of(4)
    assert loader.batches_per_epoch == 5
    seen = [int(i) for _ in range(5) for i in loader.next_batch()["sample_ids"]]
    assert sorted(seen) == list(range(20))


def test_a_restored_loader_goes_on_exactly():
    straight = loader_of(6)
    expected = [straight.next_batch() for _ in range(9)]
    for stop in range(9):
        first, second = loader_of(6), loader_of(6)
        for _ in range(stop):
            first.next_batch()
        second.restore(first.state())
        for batch in expected[stop:]:
            assert torch.equal(second.next_batch()["inputs"], batch["inputs"])


@pytest.mark.parametrize(("length", "pieces"), [(16, [8, 4, 2]), (12, [1, 4, 2]), (7, [1, 1, 1])])
def test_lengths_that_cannot_be_cut_stay_whole(length, pieces):
    assert [pieces_at(batch, 3, length) for batch in range(3)] == pieces
    assert pieces_at(3, 3, length) == 1


def test_the_mean_length_is_that_of_the_batches():
    loader = loader_of(6)
    lengths = [loader.next_batch()["inputs"].shape[1] for _ in range(12)]
    assert mean_length(16, 0.5) == round(sum(lengths) / 12)
    assert mean_length(16, 0.0) == 16
