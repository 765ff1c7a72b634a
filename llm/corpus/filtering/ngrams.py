"""A small model of a language's bytes, which tells how usual a text is: its perplexity.

Bytes rather than words, so that a sample of a few megabytes knows enough and nothing is out of its
vocabulary. Each order is mixed with the next lower one by Witten & Bell's estimate (1991), down to
all bytes being equally likely. Counts stand in tables by hash, which bounds their size.
Perplexity as a filter: CCNet (Wenzek et al. 2020), there with 5-grams of word pieces.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llm.corpus.filtering.facts import sample

ORDER = 5  # bytes in an n-gram
_BITS = 20  # of a table's index
_SAMPLE_CHARACTERS = 8000  # per place; a longer text is told from its start, middle and end
_BASE, _SPREAD = np.uint64(0x100000001B3), np.uint64(0x9E3779B97F4A7C15)
_DIGITS = 4

Table = NDArray[np.uint32]


class NgramModel:
    """Counts of n-grams of bytes, of their contexts, and of what differs after a context."""

    def __init__(self, grams: Table, contexts: Table, followers: Table) -> None:
        """Tables of shape (ORDER, 2**_BITS), one row per length of the context, from 0."""
        self._grams, self._contexts, self._followers = grams, contexts, followers

    @classmethod
    def train(cls, text: str) -> NgramModel:
        """Count a text, which is best made of many."""
        tables = [np.zeros((ORDER, 1 << _BITS), dtype=np.uint32) for _ in range(3)]
        grams, contexts, followers = tables
        for length, (before, whole) in enumerate(_indices(text)):
            size = 1 << _BITS
            grams[length] = np.bincount(whole, minlength=size)
            contexts[length] = np.bincount(before, minlength=size)
            _, first = np.unique(whole, return_index=True)
            followers[length] = np.bincount(before[first], minlength=size)
        return cls(grams, contexts, followers)

    def perplexity(self, text: str) -> float:
        """Perplexity per byte, from 1 (foreseen) to about 256 (noise); to four digits."""
        text = sample(text, _SAMPLE_CHARACTERS)
        if not text:
            return 1.0
        likely: NDArray[np.float64] | float = 1 / 256
        for length, (before, whole) in enumerate(_indices(text)):
            count = self._grams[length][whole].astype(np.float64)
            seen = self._contexts[length][before].astype(np.float64)
            kinds = self._followers[length][before]
            known = seen > 0
            mixed = (count + kinds * likely) / np.where(known, seen + kinds, 1.0)
            likely = np.where(known, mixed, likely)
        return round(math.exp(-float(np.mean(np.log(likely)))), _DIGITS)

    def save(self, path: Path) -> None:
        """Write the tables to a file."""
        with path.open("wb") as stream:
            np.savez(stream, grams=self._grams, contexts=self._contexts, followers=self._followers)


@lru_cache(maxsize=1)
def load_model(path: Path, sha256: str) -> NgramModel:  # noqa: ARG001 - a part of the cache's key
    """The model of a file with this SHA-256, read once per process."""
    with np.load(path) as tables:
        return NgramModel(tables["grams"], tables["contexts"], tables["followers"])


def _indices(text: str) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Per length of the context from 0: every byte's index by context, and by context and byte."""
    data = np.frombuffer(b"\n" * ORDER + text.encode("utf-8"), dtype=np.uint8).astype(np.uint64)
    count = len(data) - ORDER
    place = np.arange(ORDER, len(data))
    found = []
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        context = np.full(count, 1, dtype=np.uint64)
        for length in range(ORDER):
            if length:
                context = context * _BASE + data[place - length] + np.uint64(1)
            whole = (context * _BASE) ^ ((data[place] + np.uint64(1)) * _SPREAD)
            found.append((_index(context), _index(whole)))
    return found


def _index(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    return ((values * _SPREAD) >> np.uint64(64 - _BITS)).astype(np.int64)
