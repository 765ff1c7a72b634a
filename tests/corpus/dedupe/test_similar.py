"""Near-duplicates of short texts: every similar pair is found, and no other."""

from __future__ import annotations

import random

import pytest

from llm.corpus.dedupe.similar import character_shingles, clusters, normalise, word_pairs


def _clusters_by_brute_force(sets: list[frozenset[str]], similarity: float) -> list[int]:
    roots = list(range(len(sets)))
    for one in range(len(sets)):
        for other in range(one):
            shared = len(sets[one] & sets[other])
            if shared >= similarity * len(sets[one] | sets[other]) - 1e-9:
                high, low = sorted((roots[one], roots[other]), reverse=True)
                roots = [low if root == high else root for root in roots]
    return roots


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.7, 0.9, 1.0])
def test_every_similar_pair_is_found(similarity: float) -> None:
    rng = random.Random(1)
    words = [f"w{number}" for number in range(12)]
    sets = [frozenset(rng.choices(words, k=rng.randint(1, 9))) for _ in range(150)]
    assert clusters(sets, similarity=similarity) == _clusters_by_brute_force(sets, similarity)


def test_the_order_of_the_texts_does_not_change_who_is_together() -> None:
    rng = random.Random(2)
    texts = [" ".join(rng.choices("abcdef", k=5)) for _ in range(60)]
    shuffled = rng.sample(texts, k=len(texts))

    def groups(some: list[str]) -> set[frozenset[str]]:
        found = clusters([character_shingles(text) for text in some], similarity=0.6)
        return {
            frozenset(text for text, root in zip(some, found, strict=True) if root == wanted)
            for wanted in set(found)
        }

    assert groups(texts) == groups(shuffled)


@pytest.mark.parametrize("similarity", [0.0, 1.1, -1.0])
def test_a_similarity_outside_its_range_is_refused(similarity: float) -> None:
    with pytest.raises(ValueError, match="similarity"):
        clusters([frozenset("a")], similarity=similarity)


def test_normalising_removes_what_does_not_tell_texts_apart() -> None:
    assert normalise("  Hello,   WORLD!! ") == "hello world"
    assert normalise("Ｆｕｌｌ width") == "full width"
    assert normalise("call 0800-123 now", mask_numbers=True) == "call 0 0 now"
    assert normalise("call 0800") != normalise("call 0900")
    assert normalise("?!") == "?!"


def test_word_pairs_of_a_text_without_spaces() -> None:
    assert word_pairs("用ab造句") == {" 用", "用 ab", "ab 造", "造 句", "句 "}
    texts = [
        "请用中文写一个关于老熊和蜂蜜的故事",
        "请用中文写一个关于老熊和蜂蜜的小故事",
        "一加一等于几",
    ]
    assert clusters([word_pairs(text) for text in texts], similarity=0.8) == [0, 0, 2]


def test_word_pairs_know_the_order_and_short_texts_have_shingles() -> None:
    assert word_pairs("five is more than three") != word_pairs("three is more than five")
    assert word_pairs("one")
    assert word_pairs("")
    assert character_shingles("a") == frozenset({" a "})
