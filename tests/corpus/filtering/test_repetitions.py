"""Repetitions of n-grams, held against plain and slow counting."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.filtering.repetitions import (
    common_ngram_fraction,
    common_ngrams_over,
    duplicate_ngram_fractions,
    duplicate_ngrams_over,
    number_words,
)
from llm.corpus.filtering.words import find_words

TEXTS = st.lists(st.sampled_from(["a", "be", "see", "tree"]), max_size=60)


def slow_duplicates(words: list[str], size: int) -> float:
    seen: set[tuple[str, ...]] = set()
    inside: set[int] = set()
    for place in range(len(words) - size + 1):
        gram = tuple(words[place : place + size])
        if gram in seen:
            inside.update(range(place, place + size))
        seen.add(gram)
    return sum(len(words[n]) for n in inside) / max(1, sum(map(len, words)))


def slow_commonest(words: list[str], size: int) -> float:
    grams = Counter(tuple(words[n : n + size]) for n in range(len(words) - size + 1))
    most = max(grams.values(), default=0)
    if most < 2:
        return 0.0
    longest = max(sum(map(len, gram)) for gram, count in grams.items() if count == most)
    return min(1.0, most * longest / sum(map(len, words)))


def numbered(words: list[str]):
    found = find_words(" ".join(words))
    return number_words(found.places, found.lengths)


@settings(deadline=None)  # the first call imports
@given(TEXTS)
def test_repetitions_are_those_of_slow_counting(words):
    text, sizes = numbered(words), (5, 6, 7, 8, 9, 10)
    assert duplicate_ngram_fractions(text, sizes) == pytest.approx(
        {size: slow_duplicates(words, size) for size in sizes}
    )
    for size in (2, 3, 4):
        assert common_ngram_fraction(text, size) == pytest.approx(slow_commonest(words, size))


LIMITS = st.floats(0, 1)


@settings(deadline=None)  # the first call imports
@given(TEXTS, LIMITS, LIMITS, LIMITS, st.booleans())
def test_limits_are_held_as_the_fractions_themselves_say(words, one, two, three, at_the_limit):
    text = numbered(words)
    limits = dict(zip((2, 3, 4), (one, two, three), strict=True))
    if at_the_limit:  # what is at its limit is not over it
        limits[2] = common_ngram_fraction(text, 2)
    assert common_ngrams_over(text, limits) == any(
        common_ngram_fraction(text, size) > limit for size, limit in limits.items()
    )
    limits = dict(zip((5, 6, 10), (one, two, three), strict=True))
    fractions = duplicate_ngram_fractions(text, (5, 6, 10))
    if at_the_limit:
        limits |= fractions
    assert duplicate_ngrams_over(text, limits) == any(
        fractions[size] > limit for size, limit in limits.items()
    )
