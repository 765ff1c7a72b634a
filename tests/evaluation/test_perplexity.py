"""Held-out loss: every target once; the trigram model is a probability and matches plain counts."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from llm.evaluation.perplexity import TrigramModel, bits_per_byte, mean_loss
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel


def stream(n: int, vocab_size: int = 11) -> np.ndarray:
    """Tokens with structure: each depends on the two before it, with some noise."""
    rng = np.random.default_rng(5)
    ids = [1, 2]
    for _ in range(n - 2):
        noise = int(rng.integers(vocab_size)) if rng.random() < 0.3 else 0
        ids.append((3 * ids[-1] + ids[-2] + noise) % vocab_size)
    return np.array(ids, dtype=np.int64)


@pytest.mark.parametrize("length", [2, 9, 17, 40])
def test_every_target_counts_once_whatever_the_batch_size(length: int) -> None:
    torch.manual_seed(0)
    shape: dict[str, Any] = {"context_length": 8, "emb_dim": 16, "n_heads": 2, "n_layers": 1}
    config = GPTConfig(vocab_size=11, drop_rate=0.0, qkv_bias=True, tie_embeddings=True, **shape)
    model = GPTModel(config).eval()
    ids = stream(length)
    losses = []
    for start in range(0, length - 1, 8):
        window = torch.from_numpy(ids[start : start + 9])
        logits = model(window[None, :-1])[0]
        losses.append(F.cross_entropy(logits, window[1:], reduction="none"))
    expected = torch.cat(losses)
    assert len(expected) == length - 1
    for batch_size in (1, 3):
        ours = mean_loss(model, ids, batch_size=batch_size)
        assert ours == pytest.approx(expected.mean().item(), rel=1e-5)


def test_documents_kept_apart_are_measured_as_if_each_stood_alone() -> None:
    torch.manual_seed(0)
    shape: dict[str, Any] = {"context_length": 8, "emb_dim": 16, "n_heads": 2, "n_layers": 1}
    config = GPTConfig(vocab_size=11, drop_rate=0.0, qkv_bias=True, tie_embeddings=True, **shape)
    model = GPTModel(config).eval()
    ids = np.array([1, 2, 10, 3, 4, 5, 10, 6, 7, 10, 8, 9])
    alone = []
    for start, stop in ((0, 2), (2, 6), (6, 8), (8, 9), (9, 11)):  # windows of 8, cut at each 10
        part = torch.from_numpy(ids[start : stop + 1])
        alone.append(F.cross_entropy(model(part[None, :-1])[0], part[1:], reduction="none"))
    apart = mean_loss(model, ids, batch_size=2, end_of_text=10)
    assert apart == pytest.approx(torch.cat(alone).mean().item(), rel=1e-5)
    assert apart != pytest.approx(mean_loss(model, ids, batch_size=2), rel=1e-4)


def test_probabilities_sum_to_one_for_seen_and_unseen_histories() -> None:
    model = TrigramModel(stream(400), 11)
    for history in [(1, 2), (10, 10), (0, 5), (11, 3)]:
        probabilities = model.probabilities(*history)
        assert probabilities.min() > 0
        assert probabilities.sum() == pytest.approx(1.0, abs=1e-9)


def test_values_equal_a_plain_count() -> None:
    ids = stream(600)
    model = TrigramModel(ids, 11)
    pairs = Counter(zip(ids[:-2].tolist(), ids[1:-1].tolist(), strict=True))
    triples = Counter(zip(ids[:-2].tolist(), ids[1:-1].tolist(), ids[2:].tolist(), strict=True))
    follows = Counter(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))
    for first, second in [(1, 2), (3, 4), (7, 0)]:
        seen = pairs[first, second]
        bucket = 0 if seen == 0 else min(11, math.ceil(math.log2(seen)) + 1)
        a = model.weights[bucket]
        for third in range(11):
            one = float((ids == third).mean())
            two = follows[second, third] / int((ids[:-1] == second).sum())
            three = triples[first, second, third] / seen if seen else two
            plain = a[0] / 11 + a[1] * one + a[2] * two + a[3] * three
            assert model.probabilities(first, second)[third] == pytest.approx(plain, rel=1e-9)


def test_it_learns_structure_that_a_unigram_cannot_see() -> None:
    ids = stream(20_000)
    train, held_out = ids[:18_000], ids[18_000:]
    loss = TrigramModel(train, 11).loss(held_out)
    counts = np.bincount(train, minlength=11) / len(train)
    unigram = -np.log(counts[held_out[1:]]).mean()
    # The source's own entropy: with probability .3 + .7 at zero noise, .3 spread over eleven.
    zero = 0.7 + 0.3 / 11
    entropy = -(zero * math.log(zero) + 10 * (0.3 / 11) * math.log(0.3 / 11))
    assert entropy * 0.95 < loss < entropy * 1.06 < unigram


@pytest.mark.parametrize("at_once", [1, 7, 999, 1_999, 5_000])
def test_the_loss_depends_on_no_number_of_targets_in_memory(at_once: int) -> None:
    ids = stream(4_000).astype(np.uint16)
    model = TrigramModel(stream(2_000), 11)
    whole = model.loss(ids)
    assert model.loss(ids, at_once=at_once) == pytest.approx(whole, rel=1e-12)


def test_losses_are_those_of_ids_of_any_type() -> None:
    torch.manual_seed(0)
    shape: dict[str, Any] = {"context_length": 8, "emb_dim": 16, "n_heads": 2, "n_layers": 1}
    config = GPTConfig(vocab_size=11, drop_rate=0.0, qkv_bias=True, tie_embeddings=True, **shape)
    model, ids = GPTModel(config).eval(), stream(100)
    for kind in (np.uint16, np.uint32):
        small = ids.astype(kind)
        small.setflags(write=False)  # as a mapped file is
        assert mean_loss(model, small, batch_size=3) == mean_loss(model, ids, batch_size=3)
        trigram = TrigramModel(ids, 11)
        assert trigram.loss(small) == trigram.loss(ids)


def test_a_token_never_seen_costs_much_but_not_everything() -> None:
    model = TrigramModel(np.tile(np.array([1, 2, 3]), 50), 11)
    assert 5 < model.loss(np.array([1, 9], dtype=np.int64)) < 40


def test_too_few_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="30 tokens"):
        TrigramModel(stream(10), 11)


def test_bits_per_byte() -> None:
    assert bits_per_byte(math.log(2) * 80, 10) == pytest.approx(8.0)
