"""The true similarity of pairs of documents, where the estimate by signatures does not decide."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from llm.corpus.dedupe.index import Index, pack_ids
from llm.corpus.dedupe.signatures import normalised_texts
from llm.files import open_parquet

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / the golden ratio: Knuth, volume 3, section 6.4
_BATCH_ROWS = 512
_CHUNK_VALUES = 1 << 15
_THREADS = 2


@dataclass(frozen=True)
class Grams:
    """Hashes of the different word n-grams of some documents, in a file.

    rows: the documents, ascending. Those of rows[k] are values[starts[k] : starts[k] + sizes[k]],
    ascending.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    values: NDArray[np.uint64]

    def of(self, row: int) -> NDArray[np.uint64]:
        """The n-grams of one document."""
        place = int(np.searchsorted(self.rows, row))
        start = self.starts[place]
        return self.values[start : start + self.sizes[place]]


def are_similar(
    index: Index,
    parts: Sequence[Path],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    *,
    ngram_words: int,
    similarity: float,
    memory_bytes: int,
) -> NDArray[np.bool_]:
    """Whether the sets of word n-grams of one[k] and other[k] have this Jaccard similarity.

    Words as in signatures. Reads the documents once; their n-grams go to a file, `memory_bytes`
    of text at a time.
    """
    if not len(one):
        return np.zeros(0, dtype=bool)
    grams = _grams_of(index, parts, np.unique([one, other]), ngram_words, memory_bytes)
    similar = np.empty(len(one), dtype=bool)
    for number, (left, right) in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
        ours, theirs = grams.of(left), grams.of(right)
        places = np.searchsorted(ours, theirs)
        shared = np.count_nonzero(ours[np.minimum(places, len(ours) - 1)] == theirs)
        similar[number] = shared >= similarity * (len(ours) + len(theirs) - shared) - 1e-9
    return similar


def _grams_of(
    index: Index,
    parts: Sequence[Path],
    rows: NDArray[np.int64],
    ngram_words: int,
    memory_bytes: int,
) -> Grams:
    starts, sizes = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    path = index.scratch.directory / "grams"
    written = 0
    with path.open("wb") as file:
        for found, texts in _texts_of(index, parts, rows, memory_bytes):
            document, values = _ngrams_of_many(normalised_texts(texts), ngram_words)
            values.tofile(file)
            places = np.searchsorted(rows, found)
            sizes[places] = np.bincount(document, minlength=len(found))
            starts[places] = written + np.cumsum(sizes[places]) - sizes[places]
            written += len(values)
    return Grams(rows, starts, sizes, np.memmap(path, dtype=np.uint64, mode="r"))


def _texts_of(
    index: Index, parts: Sequence[Path], rows: NDArray[np.int64], memory_bytes: int
) -> Iterator[tuple[NDArray[np.int64], pa.Array]]:
    """The texts of these documents, once each, about so many bytes at a time, with their rows."""
    wanted = np.zeros(len(index.ids), dtype=bool)
    wanted[rows] = True
    waiting: list[tuple[NDArray[np.int64], Any]] = []
    size = 0
    for part in parts:
        with open_parquet(part, made_by="clean") as parquet:
            for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=["id", "text"]):
                numbers = np.searchsorted(index.ids, pack_ids(batch.column("id").to_pylist()))
                new = np.zeros(len(numbers), dtype=bool)
                new[np.unique(numbers, return_index=True)[1]] = True
                new &= wanted[numbers]
                if not new.any():
                    continue
                wanted[numbers[new]] = False
                texts = batch.column("text").filter(pa.array(new))
                waiting.append((numbers[new], texts))
                size += pc.sum(pc.binary_length(texts)).as_py()
                if size >= memory_bytes:
                    yield _joined(waiting)
                    waiting, size = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(waiting: Sequence[tuple[NDArray[np.int64], Any]]) -> tuple[NDArray[np.int64], pa.Array]:
    texts = pa.concat_arrays([texts for _, texts in waiting])
    return np.concatenate([numbers for numbers, _ in waiting]), texts


def _ngrams_of_many(plain: pa.Array, length: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """As `word_ngrams`, in two threads: numpy and Arrow compute outside the interpreter's lock."""
    step = max(1, -(-len(plain) // _THREADS))
    starts = range(0, len(plain), step)
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda start: word_ngrams(plain.slice(start, step), length), starts)
        pieces = list(zip(starts, found, strict=True))
    return (
        np.concatenate([document + start for start, (document, _) in pieces]),
        np.concatenate([values for _, (_, values) in pieces]),
    )


def word_ngrams(plain: pa.Array, length: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The different n-grams of normalised texts: the number of the text, and a hash (64 bits);
    ordered by both. A text of fewer words counts as one n-gram."""
    words = pc.split_pattern(plain, " ")
    counts = pc.list_value_length(words).to_numpy()
    hashes = _word_hashes(words.flatten())
    begins = np.maximum(counts - length + 1, 1)  # n-grams of each text
    starts = np.cumsum(counts) - counts
    values = _hashes_of_runs(hashes, starts, counts, length)
    # Each text by itself: numpy sorts numbers alone many times as fast as pairs of them.
    for start, count in zip(starts.tolist(), begins.tolist(), strict=True):
        values[start : start + count].sort()
    inside = np.ones(len(values), dtype=bool)
    for step in range(1, length):  # the last words of a text begin no n-gram
        inside[(starts + counts - step)[counts > step]] = False
    document, values = np.repeat(np.arange(len(counts)), begins), values[inside]
    new = np.ones(len(values), dtype=bool)
    new[1:] = (document[1:] != document[:-1]) | (values[1:] != values[:-1])
    return document[new], values[new]


def _hashes_of_runs(
    words: NDArray[np.uint64], starts: NDArray[np.int64], counts: NDArray[np.int64], length: int
) -> NDArray[np.uint64]:
    """One hash for each run of so many words, where it begins; for a text of fewer words one hash
    of them all, at its start. What stands where no run of a text begins means nothing."""
    values = np.zeros(len(words), dtype=np.uint64)
    whole = len(words) - length + 1
    short = np.flatnonzero(counts < length)
    firsts = np.zeros(len(short), dtype=np.uint64)
    for step in range(length):
        if whole > 0:
            _mix(values[:whole], words[step : step + whole])
        some = np.flatnonzero(counts[short] > step)
        mixed = firsts[some]
        _mix(mixed, words[starts[short[some]] + step])
        firsts[some] = mixed
    values[starts[short]] = firsts
    return values


def _mix(values: NDArray[np.uint64], words: NDArray[np.uint64]) -> None:
    """Take a word into each hash, in its place: new memory costs more than the arithmetic."""
    for start in range(0, len(values), _CHUNK_VALUES):
        piece = values[start : start + _CHUNK_VALUES]
        piece ^= words[start : start + _CHUNK_VALUES]
        piece *= _MIX
        piece ^= piece >> np.uint64(32)


def _word_hashes(words: Any) -> NDArray[np.uint64]:
    coded = words.dictionary_encode()
    digests = [
        int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        for word in coded.dictionary.to_pylist()
    ]
    return np.array(digests, dtype=np.uint64)[coded.indices.to_numpy()]
