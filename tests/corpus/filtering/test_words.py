"""Words as Arrow finds them, held against Python's own."""

import re
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.filtering.words import find_words

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


def check(text: str) -> None:
    found = find_words(text)
    different = found.different.to_pylist()
    words = text.split()
    assert [different[place] for place in found.places] == words
    assert different == list(Counter(words))
    assert found.lengths.tolist() == [len(word) for word in different]
    assert found.counts.tolist() == list(Counter(words).values())
    assert found.with_letter().tolist() == [bool(re.search(r"[^\W\d_]", w)) for w in different]
    assert found.hold(("a", "the")) == ["a" in words, "the" in words]


@settings(deadline=None)  # the first call imports
@given(TEXTS | st.lists(st.sampled_from(["a", "the", "3", "é", "²", " ", "\n"])).map("".join))
def test_words_are_those_of_split(text):
    check(text)


@pytest.mark.parametrize("text", ["", " ", "\n\n", " a  b\u3000c\n"])
def test_white_space_at_the_ends(text):
    check(text)


def test_every_character_divides_words_here_as_there():
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    text = "a".join(every)
    assert find_words(text).counts.sum() == len(text.split())
    spaces = [character for character in every if character.isspace()]
    check("the" + "the".join(spaces) + "a")
