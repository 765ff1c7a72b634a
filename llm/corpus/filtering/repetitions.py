"""How much of a text repeats itself: n-grams of words as 64-bit numbers, counted by sorting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Weyl sequence and mixing of SplitMix64 (Steele, Lea & Flood 2014).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BASE = np.uint64(0x100000001B3)


class Numbered(NamedTuple):
    """A number per word, equal for equal words, and every word's characters."""

    words: NDArray[np.uint64]
    lengths: NDArray[np.int64]


def number_words(words: Sequence[str], different: Mapping[str, int]) -> Numbered:
    """Number the words of a text. different: holds each of them once, in the order of the text."""
    number = {word: place for place, word in enumerate(different)}
    ids = np.fromiter(map(number.__getitem__, words), np.int64, len(words))
    mixed = (np.arange(len(number), dtype=np.uint64) + np.uint64(1)) * _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    lengths = np.fromiter(map(len, number), np.int64, len(number))
    return Numbered(mixed[ids], lengths[ids])


def common_ngram_fraction(text: Numbered, size: int) -> float:
    """The fraction of characters in the places of the commonest n-gram of words.

    0 where none stands twice. Of equally common ones the longest counts.
    """
    if len(text.words) <= size:
        return 0.0
    grams = _hashes(text.words, size)
    ordered = np.sort(grams)
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.append(starts[1:], len(ordered)) - starts
    most = int(counts.max())
    if most < 2:
        return 0.0
    places = np.flatnonzero(np.isin(grams, ordered[starts[counts == most]]))
    total = np.concatenate(([0], np.cumsum(text.lengths)))
    longest = int((total[places + size] - total[places]).max())
    return float(min(1.0, most * longest / total[-1]))


def duplicate_ngram_fractions(text: Numbered, sizes: Iterable[int]) -> dict[int, float]:
    """Per size, the fraction of characters in n-grams of words that stood before.

    A character in several of them counts once. sizes: rising. Only where an n-gram stands several
    times can a longer one do so, so each size looks only at the places the last one has left.
    """
    found: dict[int, float] = {}
    places: NDArray[np.int64] = np.arange(len(text.words))
    for size in sizes:
        places = places[places <= len(text.words) - size]
        if not len(places):
            found[size] = 0.0
            continue
        groups = _groups(_hashes(text.words, size)[places])
        again = np.ones(len(places), dtype=np.bool_)
        again[groups.firsts] = False
        found[size] = _covered(text, places[again], size)
        places = places[groups.several]
    return found


def _hashes(words: NDArray[np.uint64], size: int) -> NDArray[Any]:
    """A 64-bit polynomial hash of each n-gram of numbered words, modulo 2**64."""
    count = len(words) - size + 1
    grams = words[:count].copy()
    for step in range(1, size):
        grams *= _BASE
        grams += words[step : count + step]
    return grams


class _Groups(NamedTuple):
    """Equal n-grams: the index of the first of each, and which of all have company."""

    firsts: NDArray[np.int64]
    several: NDArray[np.bool_]


def _groups(grams: NDArray[Any]) -> _Groups:
    """Group n-grams, of which there is at least one."""
    order = np.argsort(grams)  # not stable, and need not be: firsts are the least of each group
    ordered = grams[order]
    begins = np.ones(len(grams), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    counts = np.append(starts[1:], len(grams)) - starts
    several = np.empty(len(grams), dtype=np.bool_)
    several[order] = np.repeat(counts > 1, counts)
    return _Groups(np.minimum.reduceat(order, starts), several)


def _covered(text: Numbered, places: NDArray[np.int64], size: int) -> float:
    """The fraction of characters in the n-grams of this size that begin at these places."""
    if not len(places):
        return 0.0
    edges = np.zeros(len(text.words) + 1, dtype=np.int64)
    edges[places] += 1  # the places are all different
    edges[places + size] -= 1
    inside = np.cumsum(edges[:-1]) > 0
    return float(text.lengths[inside].sum() / text.lengths.sum())
