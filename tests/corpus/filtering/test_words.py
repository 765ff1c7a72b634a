"""Words as Arrow finds them, held against Python's own."""

import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.filtering.words import _UNSPACED, find_words

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


def check(text: str) -> None:
    for short in (0, len(text)):  # by Arrow, and by Python's own means
        check_one(text, short)


def check_one(text: str, short: int) -> None:
    found = find_words(text, short=short)
    different = found.listed()
    words = _UNSPACED.sub(r" \g<0> ", text).split()
    assert [different[place] for place in found.places] == words
    assert different == list(Counter(words))
    assert found.lengths.tolist() == [len(word) for word in different]
    assert (found.total, found.characters) == (len(words), sum(map(len, words)))
    assert found.letter_words == sum(any(c.isalpha() for c in w) for w in words)
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
    assert find_words(text).total == len(_UNSPACED.sub(r" \g<0> ", text).split())
    spaces = [character for character in every if character.isspace()]
    check("the" + "the".join(spaces) + "a")


@pytest.mark.parametrize(
    ("text", "words", "unspaced"),
    [
        ("你好，世界。", ["你", "好，", "世", "界。"], 4),
        ("สวัสดีครับ", ["ส", "วั", "ส", "ดี", "ค", "รั", "บ"], 7),
        ("カメラ and 写真 of it", ["カ", "メ", "ラ", "and", "写", "真", "of", "it"], 5),
        ("한국어 שלום नमस्ते", ["한국어", "שלום", "नमस्ते"], 0),
        ("“naïve” café 😀", ["“naïve”", "café", "😀"], 0),
    ],
)
def test_letters_of_scripts_without_spaces_are_words(text, words, unspaced):
    found = find_words(text)
    different = found.listed()
    assert ([different[place] for place in found.places], found.unspaced) == (words, unspaced)
