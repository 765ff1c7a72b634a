"""How well text is predicted: a GPT's loss on held-out tokens, and a trigram model's beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from llm.model.gpt import GPTModel

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

WEIGHT_ROUNDS = 50  # expectation-maximisation steps; the weights settle long before


def bits_per_byte(total_nats: float, n_bytes: int) -> float:
    """Bits per UTF-8 byte of text: comparable between models with different tokenizers."""
    return total_nats / math.log(2) / n_bytes


def mean_loss(
    model: GPTModel,
    token_ids: NDArray[Any],
    *,
    batch_size: int,
    autocast: bool = False,
    end_of_text: int | None = None,
) -> float:
    """Mean cross-entropy in nats per token of a stream of tokens; every target counts once.

    token_ids: (N,), N >= 2, integers of any type; memory holds a batch of them. The stream is read
    in windows of context_length that do not overlap; the last one may be shorter. end_of_text:
    where given, no document of a window sees another.
    The model keeps its training mode.
    """
    import torch

    from llm.tokens.windows import document_ids
    from llm.training.loss import linear_cross_entropy

    context = model.config.context_length
    device = next(model.parameters()).device
    whole = (len(token_ids) - 1) // context
    cut = whole * context

    def batches() -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        for start in range(0, cut, batch_size * context):
            end = min(start + batch_size * context, cut)
            read = token_ids[start : end + 1]
            yield read[:-1].reshape(-1, context), read[1:].reshape(-1, context)
        if cut < len(token_ids) - 1:
            yield token_ids[None, cut:-1], token_ids[None, cut + 1 :]

    was_training = model.training
    model.eval()
    total = 0.0
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=autocast):
        for inputs, targets in batches():  # (B, T)
            read = torch.from_numpy(inputs.astype(np.int64)).to(device)
            apart = None if end_of_text is None else document_ids(read, end_of_text)  # (B, T)
            hidden = model.hidden(read, document_ids=apart)  # (B, T, C)
            total += linear_cross_entropy(
                hidden,
                model.head_weight,
                torch.from_numpy(targets.astype(np.int64)).to(device),
                vocab_size=model.config.vocab_size,
            ).item()
    model.train(was_training)
    return total / (len(token_ids) - 1)


class TrigramModel:
    """Interpolated trigram model over token ids (Jelinek and Mercer 1980).

    p(w | u, v) = a0 / V + a1 p(w) + a2 p(w | v) + a3 p(w | u, v), with relative frequencies of the
    training tokens and weights a that depend on how often the history (u, v) was seen. The
    weights are found by expectation-maximisation on the last tenth of the training tokens, which
    the frequencies for that purpose leave out (deleted interpolation); afterwards the frequencies
    are taken from all of them.

    Memory: three sorted arrays of at most as many entries as there are training tokens.
    """

    def __init__(self, token_ids: Ids, vocab_size: int) -> None:
        """token_ids: (N,), N >= 30, the training stream in order."""
        if len(token_ids) < 30:
            raise ValueError(f"a trigram model needs at least 30 tokens, not {len(token_ids)}")
        self.vocab_size = vocab_size
        cut = len(token_ids) - max(3, len(token_ids) // 10)
        self._count(token_ids[:cut])
        kept_out = token_ids[cut:]
        self.weights = np.full((1 + _bucket(np.array([2**62]))[0], 4), 0.25)  # (buckets, 4)
        self._fit(*self._parts(kept_out[:-2], kept_out[1:-1], kept_out[2:]))
        self._count(token_ids)

    def loss(self, token_ids: NDArray[Any], *, at_once: int = 2**20) -> float:
        """Mean cross-entropy in nats per token over the stream's targets, token_ids[1:].

        The first target has one token of context; the others two. The targets are those of
        `mean_loss` on the same stream. at_once: targets in memory.
        """
        total = 0.0
        for start in range(0, len(token_ids) - 1, at_once):
            read = token_ids[max(0, start - 1) : start + at_once + 1].astype(np.int64)
            if start == 0:
                # A first token that no training text holds stands in for the missing one: its
                # pair was never seen, so that the bigram takes over.
                read = np.concatenate([[self.vocab_size], read])
            parts, buckets = self._parts(read[:-2], read[1:-1], read[2:])
            total += float(np.log((parts * self.weights[buckets]).sum(axis=1)).sum())
        return -total / (len(token_ids) - 1)

    def probabilities(self, first: int, second: int) -> Floats:
        """p(w | first, second) for every w, (V,); sums to one."""
        every = np.arange(self.vocab_size, dtype=np.int64)
        parts, buckets = self._parts(np.full_like(every, first), np.full_like(every, second), every)
        return np.asarray((parts * self.weights[buckets]).sum(axis=1))

    def _count(self, ids: Ids) -> None:
        base = self.vocab_size + 1
        one, two, three = ids[:-2], ids[1:-1], ids[2:]
        self.unigrams = np.bincount(ids, minlength=self.vocab_size).astype(np.float64)  # (V,)
        # Histories count only where a token follows, so that every distribution sums to one.
        self.histories = np.bincount(ids[:-1], minlength=base).astype(np.float64)  # (V + 1,)
        self.bigrams = np.unique(ids[:-1] * base + ids[1:], return_counts=True)
        self.pairs = np.unique(one * base + two, return_counts=True)
        self.pair_places = np.searchsorted(self.pairs[0], one * base + two)
        # A trigram's key: the place of its first two among the pairs, then the third. Never more
        # than N · V, so that it fits 64 bits for every vocabulary.
        self.trigrams = np.unique(self.pair_places * base + three, return_counts=True)

    def _parts(self, first: Ids, second: Ids, third: Ids) -> tuple[Floats, Ids]:
        """The four distributions' values, (N, 4), and the bucket of each history, (N,).

        A history that was never seen has no distribution; the one below it takes its place.
        """
        base = self.vocab_size + 1
        uniform = np.full(len(third), 1.0 / self.vocab_size)
        unigram = self.unigrams[third] / self.unigrams.sum()
        seen = self.histories[second]
        bigram = np.where(
            seen > 0, _look_up(self.bigrams, second * base + third) / np.maximum(seen, 1), unigram
        )
        keys = first * base + second
        places = np.minimum(np.searchsorted(self.pairs[0], keys), len(self.pairs[0]) - 1)
        times = np.where(self.pairs[0][places] == keys, self.pairs[1][places], 0)
        trigram = np.where(
            times > 0,
            _look_up(self.trigrams, places * base + third) / np.maximum(times, 1),
            bigram,
        )
        return np.stack([uniform, unigram, bigram, trigram], axis=1), _bucket(times)

    def _fit(self, parts: Floats, buckets: Ids) -> None:
        """Weights per bucket that maximise the likelihood of the kept-out tokens."""
        for bucket in range(len(self.weights)):
            # A bucket without kept-out tokens learns from all of them.
            rows = parts[buckets == bucket] if (buckets == bucket).any() else parts
            weights = self.weights[bucket]
            for _ in range(WEIGHT_ROUNDS):
                shares = rows * weights
                shares /= shares.sum(axis=1, keepdims=True)
                weights = shares.mean(axis=0)
            # The uniform part never falls to zero: no token may be impossible.
            weights = np.maximum(weights, [1e-6, 0, 0, 0])
            self.weights[bucket] = weights / weights.sum()


def _bucket(times: NDArray[np.int64]) -> Ids:
    """Histories seen 0, 1, 2, 3-4, 5-8, 9-16, … times; the last bucket holds over 512."""
    return np.minimum(np.ceil(np.log2(np.maximum(times, 0.5))) + 1, 11).astype(np.int64)


def _look_up(table: tuple[Ids, Ids], keys: Ids) -> Floats:
    """Counts of keys in a sorted table; 0 where a key is absent."""
    known, counts = table
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[places] == keys, counts[places], 0).astype(np.float64)
