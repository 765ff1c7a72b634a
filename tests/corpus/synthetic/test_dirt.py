"""Planted dirt: rates, marks that stand in the text, near duplicates that stay near."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from llm.corpus.synthetic import dirt, words
from llm.corpus.synthetic.compose import compose
from llm.corpus.synthetic.languages import foreign


def test_every_block_has_the_exact_rates() -> None:
    counts = Counter(dirt.planned(9, index) for index in range(2000))
    for kind, rate in dirt.RATES.items():
        assert counts[kind] == pytest.approx(2000 * rate)
    assert 0.2 <= sum(dirt.RATES.values()) <= 0.25


def test_each_kind_has_a_planter_and_an_expectation() -> None:
    assert set(dirt.PLANTERS) | {"exact_duplicate", "near_duplicate"} == set(dirt.RATES)
    assert set(dirt.EXPECTED) == set(dirt.RATES) | {dirt.CLEAN}


@pytest.mark.parametrize("kind", sorted(set(dirt.PLANTERS) - {"language"}))
def test_marks_stand_in_the_dirty_text(kind: str) -> None:
    for index in range(20):
        clean = compose(1, index).text
        dirty = dirt.PLANTERS[kind](clean, Random(index))
        assert dirty.text != clean
        assert all(mark in dirty.text for mark in dirty.marks)
        if dirt.EXPECTED[kind] == "repair" and kind != "whitespace":
            assert dirty.marks
            assert not any(mark in clean for mark in dirty.marks)


def test_mojibake_can_be_undone() -> None:
    clean = compose(1, 3).text
    broken = dirt.PLANTERS["mojibake"](clean, Random(1)).text
    codes = {dirt._misread(byte): byte for byte in range(256)}
    whole = bytes(codes[character] for character in broken).decode("utf-8")
    assert whole.startswith(dirt.typographic(clean))


def test_near_duplicates_are_near() -> None:
    for index in range(60):
        text = compose(1, index).text
        changed = dirt.near_duplicate(text, Random(index)).text
        assert changed != text
        assert dirt.similarity(text, changed) >= 0.8


def test_different_documents_are_far_apart() -> None:
    texts = [compose(1, index).text for index in range(60)]
    pairs = [(one, other) for place, one in enumerate(texts) for other in texts[:place]]
    assert max(dirt.similarity(one, other) for one, other in pairs) < 0.5


def test_foreign_documents_in_three_languages() -> None:
    made = [foreign(Random(seed)) for seed in range(30)]
    assert {language for language, _ in made} == {"fr", "de", "es"}
    assert all(400 < len(text) < 4000 and "{" not in text for _, text in made)


def test_originals_are_earlier_clean_documents() -> None:
    for index in range(1, 400):
        original = dirt.original_of(4, index, Random(index))
        assert original is None or (original < index and dirt.planned(4, original) == dirt.CLEAN)


def test_a_text_with_few_words_can_still_be_altered() -> None:
    rng = Random(1)
    for text in ("", "no no", "A song of two. " * 80):
        assert isinstance(dirt._swap_words(text, rng), str)


def test_swapping_words_changes_whole_words_only() -> None:
    text = "The lantern stood beside the window while everyone waited. " * 40
    known = set(text.split()) | {f"{word}." for word in words.ADJECTIVES} | set(words.ADJECTIVES)
    for seed in range(5):
        assert set(dirt._swap_words(text, Random(seed)).split()) <= known
