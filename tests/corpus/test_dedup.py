"""Near-duplicates: what signatures find against the true similarity, and who stays."""

import itertools
import random
import re

import pyarrow as pa
import pytest

from llm.corpus.dedup import Bands, choose_bands, clusters_of, find_near_pairs, survivors
from llm.files import write_parquet

WORDS = [f"word{n}" for n in range(400)]


def text(seed: int, length: int = 300) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(length))


def edited(original: str, edits: int, seed: int) -> str:
    rng = random.Random(seed)
    words = original.split()
    for place in rng.sample(range(len(words)), edits):
        words[place] = f"new{rng.random()}"
    return " ".join(words)


def jaccard(one: str, two: str, size: int = 5) -> float:
    sets = [
        set(zip(*(re.findall(r"\w+", t.lower())[n:] for n in range(size)), strict=False))
        for t in (one, two)
    ]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def pairs_of(tmp_path, texts: dict[str, str], **options):
    path = tmp_path / "part-00000.parquet"
    write_parquet(pa.table({"id": list(texts), "text": list(texts.values())}), path)
    settings = {"ngram_words": 5, "permutations": 128, "similarity": 0.7, "seed": 1}
    return find_near_pairs([path], **{**settings, **options})


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.7, 0.8, 0.95])
def test_bands_find_a_pair_at_the_similarity(similarity):
    bands = choose_bands(128, similarity)
    assert bands.bands * bands.rows <= 128
    assert bands.candidate_probability(similarity) >= 0.99
    longer = Bands(128 // (bands.rows + 1), bands.rows + 1)
    assert longer.candidate_probability(similarity) < 0.99


def test_bands_where_nothing_suffices():
    assert choose_bands(16, 0.01) == Bands(16, 1)


def test_recall_and_precision_against_the_true_similarity(tmp_path):
    texts = {}
    for n in range(60):
        texts[f"a{n:03d}"] = text(n)
        texts[f"b{n:03d}"] = edited(texts[f"a{n:03d}"], edits=n // 4, seed=n)
    found = set(pairs_of(tmp_path, texts))
    for one, two in itertools.combinations(sorted(texts), 2):
        if one[1:] != two[1:]:
            assert (one, two) not in found
            continue
        similarity = jaccard(texts[one], texts[two])
        if similarity >= 0.82:  # three standard deviations of the estimate
            assert (one, two) in found
        if similarity <= 0.58:
            assert (one, two) not in found


def test_editions_that_differ_in_signs_alone_are_the_same(tmp_path):
    plain = 'It\'s -- he said -- a "cafe", naive and well-known, in the old town by the river.'
    fancy = "It’s—he said—a “café”, _naïve_ and WELL-KNOWN,\n\nin the old town by the river."
    assert pairs_of(tmp_path, {"a": plain, "b": fancy}, similarity=1.0) == [("a", "b")]


def test_nothing_alike_and_equal_ids(tmp_path):
    assert pairs_of(tmp_path, {"a": text(1), "b": text(2)}) == []
    path = tmp_path / "two.parquet"
    write_parquet(pa.table({"id": ["a", "a"], "text": [text(1)] * 2}), path)
    assert find_near_pairs([path], ngram_words=5, permutations=128, similarity=0.7, seed=1) == []


def test_a_bucket_of_many_is_one_cluster(tmp_path):
    texts = {f"d{n:03d}": edited(text(1), edits=1, seed=n) for n in range(80)}
    clusters = clusters_of(pairs_of(tmp_path, texts))
    assert set(clusters.values()) == {"d000"}
    assert len(clusters) == 80


def test_clusters_chain_and_take_the_lowest_id():
    assert clusters_of([("b", "c"), ("d", "c"), ("x", "y")]) == {
        "b": "b", "c": "b", "d": "b", "x": "x", "y": "x",
    }  # fmt: skip


def test_clusters_do_not_depend_on_the_order_of_pairs():
    pairs = [
        (f"n{a}", f"n{b}") for a, b in itertools.combinations(range(12), 2) if (a * b) % 5 == 1
    ]
    expected = clusters_of(pairs)
    for seed in range(5):
        random.Random(seed).shuffle(pairs)
        assert clusters_of([(b, a) for a, b in pairs]) == expected


def test_the_longest_survives_then_the_lowest_id():
    clusters = {"a": "a", "b": "a", "c": "a", "x": "x", "y": "x"}
    assert survivors(clusters, {"a": 5, "b": 9, "c": 9, "x": 1, "y": 1}) == {"a": "b", "x": "x"}
