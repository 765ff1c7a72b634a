"""How much of a text repeats itself: n-grams of words as 64-bit numbers, counted by sorting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Weyl sequence and mixing of SplitMix64 (Steele, Lea & Flood 2014).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BASE = np.uint64(0x100000001B3)


class Numbered(NamedTuple):
    """A number per word, equal for equal words; and the characters before each word, white space
    left out, with those of the whole text last."""

    words: NDArray[np.uint64]
    before: NDArray[np.int64]


def number_words(places: NDArray[np.int32], lengths: NDArray[np.int32]) -> Numbered:
    """Number the words of a text. places: which of the different words each is. lengths: the
    characters of each different word."""
    mixed = (np.arange(len(lengths), dtype=np.uint64) + np.uint64(1)) * _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    before = np.zeros(len(places) + 1, dtype=np.int64)
    np.cumsum(lengths[places], out=before[1:])
    return Numbered(mixed[places], before)


def common_ngrams_over(text: Numbered, limits: Mapping[int, float]) -> bool:
    """Whether, for any size, `common_ngram_fraction` is over its limit. limits: by rising size.

    Most texts are far below, and told so without it: an n-gram stands no more often than the
    shorter ones in it, and none is longer than the longest of all.
    """
    ordered: NDArray[Any] | None = None
    for size, limit in limits.items():
        if len(text.words) <= size:
            return False
        often = max(2, int(limit * text.before[-1] / _longest(text, size)))
        if ordered is not None and not _stands(ordered, often):
            continue
        ordered = np.sort(_hashes(text.words, size))
        if _stands(ordered, often) and common_ngram_fraction(text, size) > limit:
            return True
    return False


def duplicate_ngrams_over(text: Numbered, limits: Mapping[int, float]) -> bool:
    """Whether, for any size, `duplicate_ngram_fractions` is over its limit. limits: by rising size.

    Told without it where even the longest n-grams, as often as the shortest stood before, would
    be too few: what stood before begins no more often as a longer n-gram than as a shorter one.
    """
    sizes = tuple(limits)
    if len(text.words) < sizes[0]:
        return False
    ordered = np.sort(_hashes(text.words, sizes[0]))
    again = int(np.count_nonzero(ordered[1:] == ordered[:-1]))
    longest = _longest(text, min(sizes[-1], len(text.words)))
    if not again or again * longest < min(limits.values()) * text.before[-1]:
        return False
    found = duplicate_ngram_fractions(text, sizes)
    return any(found[size] > limit for size, limit in limits.items())


def _longest(text: Numbered, size: int) -> int:
    """Characters of the longest n-gram of words; there is one."""
    return int((text.before[size:] - text.before[:-size]).max())


def _stands(ordered: NDArray[Any], often: int) -> bool:
    """Whether any value stands so often, of values in order."""
    if often > len(ordered):
        return False
    return bool((ordered[often - 1 :] == ordered[: len(ordered) - often + 1]).any())


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
    longest = int((text.before[places + size] - text.before[places]).max())
    return float(min(1.0, most * longest / text.before[-1]))


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
    lengths = np.diff(text.before)
    return float(lengths[inside].sum() / text.before[-1])
