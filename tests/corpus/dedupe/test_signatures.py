"""Signatures: the probability curve against simulation, and what is the same after normalising."""

import numpy as np
import pyarrow as pa
import pytest

from llm.corpus.dedupe.signatures import (
    Bands,
    Signing,
    choose_bands,
    hash_words,
    normalised_texts,
    sign,
)
from llm.files import write_parquet

SIGNING = Signing(ngram_words=3, permutations=16, seed=1)


def signed(tmp_path, texts, signing=SIGNING):
    path = tmp_path / "part.parquet"
    ids = [f"{n:032x}" for n in range(len(texts))]
    write_parquet(pa.table({"id": ids, "text": texts}), path)
    return {row["id"]: row for row in sign([path], signing).to_pylist()}, ids


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.7, 0.8, 0.95])
def test_bands_find_a_pair_at_the_similarity(similarity):
    bands = choose_bands(128, similarity)
    assert bands.bands * bands.rows <= 128
    assert bands.candidate_probability(similarity) >= 0.99
    longer = Bands(128 // (bands.rows + 1), bands.rows + 1)
    assert longer.candidate_probability(similarity) < 0.99


def test_bands_where_nothing_suffices():
    assert choose_bands(16, 0.01) == Bands(16, 1)


def test_the_curve_is_what_chance_does():
    bands, pairs = choose_bands(128, 0.7), 4_000
    rng = np.random.default_rng(1)
    for point, expected in bands.curve().items():
        # Two hashes of a pair are equal with a probability that is its similarity.
        equal = rng.random((pairs, bands.bands, bands.rows)) < float(point)
        found = np.any(np.all(equal, axis=2), axis=1).mean()
        assert found == pytest.approx(expected, abs=4 * np.sqrt(0.25 / pairs))
    assert list(bands.curve()) == [f"{n / 10:.1f}" for n in range(1, 11)]
    assert bands.curve()["0.2"] == pytest.approx(0.05, abs=0.001)  # as its docstring shows


@pytest.mark.parametrize("shared", [33, 47, 57, 67])
def test_the_curve_is_what_signatures_of_texts_do(tmp_path, shared):
    """Pairs of 100 words each, of which so many are shared: similarity shared / (200 - shared)."""
    pairs, signing = 600, Signing(ngram_words=1, permutations=128, seed=1)
    rng = np.random.default_rng(shared)
    texts = []
    for _ in range(pairs):
        words = [f"w{number}" for number in rng.choice(10**9, 200 - shared, replace=False)]
        texts += [" ".join(words[:100]), " ".join(words[-100:])]
    rows, ids = signed(tmp_path, texts, signing)
    bands = choose_bands(128, 0.7)
    shape = (pairs, 2, bands.bands, bands.rows)
    signatures = np.array([rows[name]["signature"] for name in ids]).reshape(shape)
    equal = signatures[:, 0] == signatures[:, 1]
    similarity = shared / (200 - shared)
    spread = np.sqrt(similarity * (1 - similarity) / (pairs * 128))
    assert equal.mean() == pytest.approx(similarity, abs=4 * spread)
    found = equal.all(axis=2).any(axis=1).mean()
    expected = bands.candidate_probability(similarity)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(0.25 / pairs))


def test_equal_words_sign_alike(tmp_path):
    plain = 'It\'s -- he said -- a "cafe", naive and well-known.'
    fancy = "It’s—he said—a “café”, _naïve_ and WELL-KNOWN"
    rows, (one, two, three) = signed(tmp_path, [plain, fancy, plain + " More."])
    assert rows[one]["signature"] == rows[two]["signature"]
    assert rows[one]["words_hash"] == rows[two]["words_hash"] != rows[three]["words_hash"]
    assert rows[one]["words_bytes"] == rows[two]["words_bytes"] == rows[three]["words_bytes"] - 5


def test_a_text_without_spaces_has_words():
    texts = normalised_texts(pa.array(["哪七艘old船, ひらカナ2", "plain"]))
    assert texts.to_pylist() == ["哪 七 艘 old 船 ひ ら カ ナ 2", "plain"]
    words, _ = hash_words(pa.array(["哪七艘船"]))
    assert words.tolist() == [4]


def test_no_words(tmp_path):
    rows, ids = signed(tmp_path, ["", "?!", "a"])
    assert [rows[name]["words_bytes"] for name in ids] == [0, 0, 1]


def test_a_row_does_not_depend_on_its_neighbours(tmp_path):
    texts = [f"some words and the number {n} and {n * n} at the end" for n in range(50)]
    together, ids = signed(tmp_path, texts)
    alone, (name,) = signed(tmp_path, texts[:1])
    assert alone[name] == together[ids[0]]


def test_settings_change_signatures(tmp_path):
    text = ["one two three four five six"]
    one, (name,) = signed(tmp_path, text)
    for other in (Signing(3, 16, seed=2), Signing(2, 16, seed=1)):
        assert signed(tmp_path, text, other)[0][name]["signature"] != one[name]["signature"]
    assert len(signed(tmp_path, text, Signing(3, 32, 1))[0][name]["signature"]) == 32


def test_words_are_counted_and_hashed_as_documents_are(tmp_path):
    texts = ["One, two!", "one TWO", "", "...", "Naïve one", "two one"]
    words, hashes = hash_words(pa.array(texts))
    assert words.tolist() == [2, 2, 0, 0, 2, 2]
    rows, ids = signed(tmp_path, texts)
    assert hashes.tolist() == [rows[name]["words_hash"] for name in ids]
    assert len(set(hashes.tolist())) == 4
    none, _ = hash_words(pa.array([], pa.string()))
    assert len(none) == 0
