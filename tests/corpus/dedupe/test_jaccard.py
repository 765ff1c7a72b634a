"""Counted similarity: n-grams against the plainest count, and answers at the very limit."""

import random
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.dedupe.index import Scratch, read_index, unpack_ids
from llm.corpus.dedupe.jaccard import are_similar, word_ngrams
from llm.corpus.documents import document_id
from llm.files import write_parquet


def plain_ngrams(text: str, length: int) -> set[tuple[str, ...]]:
    words = text.split(" ")
    return {tuple(words[n : n + length]) for n in range(max(1, len(words) - length + 1))}


@settings(deadline=None)  # the first call imports
@given(
    st.lists(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map(" ".join),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 4),
)
def test_the_different_ngrams(texts, length):
    document, values = word_ngrams(pa.array(texts), length)
    found = defaultdict(list)
    for number, value in zip(document.tolist(), values.tolist(), strict=True):
        found[number].append(value)
    meaning: dict[int, tuple] = {}  # of each hash: the same in all texts
    for number, text in enumerate(texts):
        expected = plain_ngrams(text, length)
        assert len(found[number]) == len(expected)
        assert found[number] == sorted(found[number])
        for gram in expected:
            (value,) = word_ngrams(pa.array([" ".join(gram)]), length)[1].tolist()
            assert meaning.setdefault(value, gram) == gram
            assert value in found[number]


def index_of(home, texts, parts):
    rows = sorted((document_id(text), text) for text in texts)
    table = pa.table(
        {
            "id": [name for name, _ in rows],
            "text": [text for _, text in rows],
            "quality": pa.array([0.5] * len(rows), pa.float32()),
        }
    )
    paths = []
    for number in range(parts):
        paths.append(home / f"{number}.parquet")
        size = -(-len(rows) // parts)
        write_parquet(table.slice(number * size, size), paths[-1])
    return read_index(table.to_batches(), Scratch(home), rows=len(rows)), paths


@pytest.mark.parametrize(("memory", "parts"), [(2**20, 1), (100, 3), (1, 40)])
def test_pairs_at_the_limit(tmp_path, memory, parts):
    """Ten words of which k differ at the end: 10 - k of 10 + k single words are shared."""
    texts = [" ".join([f"w{n}-{i}" for i in range(10)]) for n in range(8)]
    changed = {
        (n, k): " ".join([*texts[n].split(" ")[: 10 - k], *(f"New{n}x{i}!" for i in range(k))])
        for n in range(8)
        for k in (1, 2, 3)
    }
    index, paths = index_of(tmp_path, [*texts, *texts[:2], *changed.values()], parts)
    place = {name: n for n, name in enumerate(unpack_ids(index.ids))}
    cases = [
        (place[document_id(texts[n])], place[document_id(t)], k) for (n, k), t in changed.items()
    ]
    random.Random(1).shuffle(cases)
    one, other, cut = (np.array(column) for column in zip(*cases, strict=True))
    for similarity in (18 / 22, 16 / 24, 0.99, 0.1):
        found = are_similar(
            index, paths, one, other, ngram_words=1, similarity=similarity, memory_bytes=memory
        )
        # A word as w0-1 is two after normalising: w0 is shared by all.
        shared = 1 + (10 - cut)
        assert found.tolist() == (shared / (11 + cut) >= similarity - 1e-9).tolist()


def test_no_pairs(tmp_path):
    index, paths = index_of(tmp_path, ["a b"], 1)
    none = np.empty(0, dtype=np.int64)
    assert not len(
        are_similar(index, paths, none, none, ngram_words=2, similarity=0.5, memory_bytes=10)
    )
