"""Laws of the word lists and of invented words."""

from __future__ import annotations

from random import Random

import pytest

from llm.corpus.synthetic import words


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("box", "boxes"),
        ("berry", "berries"),
        ("knife", "knives"),
        ("tray", "trays"),
        ("map", "maps"),
    ],
)
def test_plural(noun: str, expected: str) -> None:
    assert words.plural(noun) == expected


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("old owl", "an old owl"),
        ("useful tool", "a useful tool"),
        ("honest boy", "an honest boy"),
        ("lamp", "a lamp"),
        ("unkind word", "an unkind word"),
    ],
)
def test_article(phrase: str, expected: str) -> None:
    assert words.with_article(phrase) == expected


def test_verb_forms() -> None:
    verbs = {verb.base: verb for verb in words.VERBS}
    assert verbs["stop"] == ("stop", "stops", "stopped", "stopped", "stopping")
    assert verbs["carry"] == ("carry", "carries", "carried", "carried", "carrying")
    assert verbs["go"] == ("go", "goes", "went", "gone", "going")
    assert verbs["write"] == ("write", "writes", "wrote", "written", "writing")


def test_lists_are_large_and_without_repeats() -> None:
    assert len(words.NOUNS) >= 150
    assert len(words.VERBS) >= 80
    assert len(words.ADJECTIVES) >= 80
    for several in (words.NOUNS, words.ADJECTIVES, words.COLOURS, words.PLACES):
        assert len(set(several)) == len(several)


def test_invented_words_keep_to_their_side() -> None:
    rng = Random(1)
    training = {words.pseudo_word(rng, held_out=False) for _ in range(3000)}
    held_out = {words.pseudo_word(rng, held_out=True) for _ in range(3000)}
    assert not any(map(words.is_held_out, training))
    assert all(map(words.is_held_out, held_out))
    assert not training & held_out
    assert len(training) > 2900  # a large space: hardly any word comes twice


def test_held_out_is_a_fifth_whatever_the_case() -> None:
    drawn = [words.pseudo_word(Random(seed), held_out=None) for seed in range(4000)]
    assert 0.17 < sum(map(words.is_held_out, drawn)) / len(drawn) < 0.23
    assert all(words.is_held_out(word) == words.is_held_out(word.title()) for word in drawn)


def test_invented_words_are_no_english_words_of_the_lists() -> None:
    rng = Random(2)
    english = {form for noun in words.NOUNS for form in (noun, words.plural(noun))}
    assert not english & {words.pseudo_word(rng, held_out=None) for _ in range(20_000)}
