"""What is counted of a text, held against plain and slow counting."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpus.filtering.facts import Facts, sample

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


@given(TEXTS)
def test_repetitions_are_those_of_slow_counting(words):
    facts = Facts(" ".join(words))
    sizes = (5, 6, 7, 8, 9, 10)
    assert facts.duplicate_ngram_fractions(sizes) == pytest.approx(
        {size: slow_duplicates(words, size) for size in sizes}
    )
    for size in (2, 3, 4):
        assert facts.common_ngram_fraction(size) == pytest.approx(slow_commonest(words, size))


def test_counts():
    facts = Facts("One two 3 two.\n\nOne two 3 two.\nfour \ufffd")
    assert facts.words_with_letter == 7
    assert facts.word_characters == 2 * 11 + 5
    assert facts.lines == ["One two 3 two."] * 2 + ["four \ufffd"]
    assert facts.line_repeats == pytest.approx((1 / 3, 14 / 34))
    assert facts.paragraph_repeats == (0.0, 0.0)
    assert facts.unreadable_characters == 1
    assert facts.ended_line_characters((".",)) == 28


def test_a_sample_is_start_middle_and_end():
    assert sample("short", 10) == "short"
    assert sample("a" * 100 + "b" * 100 + "c" * 100, 2) == "aa\nbb\ncc"
