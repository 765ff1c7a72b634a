"""Which documents say the same: by their words, by MinHash and LSH, joined into clusters.

What is kept per document (about 60 bytes, and 4 per permutation) lies in files, see
llm.corpus.dedupe.index; what is signed, sorted and compared at once is bounded. Besides, up to
about 60 bytes per document are held while documents are chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from llm.corpus.dedupe.index import Index, Scratch, pack_ids
from llm.corpus.dedupe.jaccard import are_similar
from llm.corpus.dedupe.signatures import Bands, Signing, choose_bands, sign
from llm.corpus.dedupe.unions import Rows, Unions, best_of_group, equal_groups, pairs_of_groups
from llm.corpus.parts import ROW_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("unique", "exact", "normalised", "near")
UNIQUE, EXACT, NORMALISED, NEAR = range(len(KINDS))

_CHUNK_ROWS = 1 << 16
# Of the memory: documents signed at once (the engine holds several forms of each), keys that are
# sorted at once, pairs of signatures that are compared at once.
_SIGNED_FRACTION, _SORTED_FRACTION, _COMPARED_FRACTION = 1 / 16, 1 / 4, 1 / 16
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / the golden ratio: Knuth, volume 3, section 6.4


@dataclass(frozen=True)
class Clusters:
    """What became of each different text.

    cluster: (n,) the number of the first of its cluster. kept: (n,) bool. kind: (n,) int8, see
    KINDS: unique for what is kept, normalised for what has the words of a better one of its
    cluster, near for the rest.
    """

    cluster: Rows
    kept: NDArray[np.bool_]
    kind: NDArray[np.int8]


def find_clusters(
    index: Index,
    parts: Sequence[Path],
    *,
    signing: Signing,
    similarity: float,
    memory_bytes: int,
    signer: Callable[[Sequence[Path], Signing], pa.Table] = sign,
) -> Clusters:
    """Join the documents with equal words, and those whose word n-grams have a Jaccard
    similarity of at least `similarity`; chains are one cluster.

    Signatures find pairs and estimate their similarity, with a standard deviation of
    sqrt(s (1 - s) / permutations), about 0.04 for 128; near the limit n-grams are counted. Of a
    bucket of more than 32 documents each is compared with the lowest id and its neighbours by id
    alone: a large cluster is joined by few of its pairs, but a pair may be missed amid many pages
    that share most of their text and yet are less alike than the limit (measured: among 2,000 of
    similarity 0.68, one pair in five at 0.73, one in twenty at 0.78). Of each cluster stays the
    document of the best quality, then of the lowest id. Texts without words are alike in nothing.
    signer: as `sign`, which signs the parts given and may remember what it signed before.
    The result depends on neither the memory, nor how documents are divided into parts.
    """
    count = len(index.ids)
    signatures, words_hash, worded = _sign_all(index, parts, signing, memory_bytes, signer)
    clusters = Unions(index.scratch.numbers("clusters", count))
    sorting = int(memory_bytes * _SORTED_FRACTION)
    comparing = int(memory_bytes * _COMPARED_FRACTION)
    best = np.arange(count)
    for rows, group in equal_groups(words_hash[worded], worded, memory_bytes=sorting):
        first = rows[np.searchsorted(group, group)]
        # Whose hash alone is equal is not the same.
        same = _equal_fractions(signatures, first, rows, comparing) == 1.0
        clusters.join(first[same], rows[same])
    roots = clusters.settle()
    doubled = np.flatnonzero(_sizes(roots)[roots] > 1)
    best[doubled] = best_of_group(roots[doubled], doubled, index.quality[doubled])
    distinct = worded[roots[worded] == worded]
    search = _Search(index, parts, signatures, clusters, signing, similarity, memory_bytes)
    bands = choose_bands(signing.permutations, similarity)
    for band in range(bands.bands):
        keys = _band_keys(index.scratch, signatures, distinct, band, bands)
        for rows, group in equal_groups(keys, distinct, memory_bytes=sorting):
            for one, other in pairs_of_groups(rows, group):
                search.compare(one, other)
    search.settle_unsure()
    return _choose(clusters.settle(), best, index.quality)


def drop_clusters(index: Index, clusters: Clusters, names: Sequence[str]) -> None:
    """No document stays of the clusters named by their lowest ids."""
    dropped = np.searchsorted(index.ids, pack_ids(names))
    clusters.kept[np.isin(clusters.cluster, dropped)] = False


def _sign_all(
    index: Index,
    parts: Sequence[Path],
    signing: Signing,
    memory_bytes: int,
    signer: Callable[[Sequence[Path], Signing], pa.Table],
) -> tuple[NDArray[np.uint32], NDArray[np.uint64], Rows]:
    """Signatures (n, permutations), hashes of words (n,), and the rows that have words."""
    count = len(index.ids)
    signatures = index.scratch.array("signatures", (count, signing.permutations), np.uint32)
    words_hash = index.scratch.array("words", (count,), np.uint64)
    worded = np.zeros(count, dtype=bool)
    row_bytes = ROW_BYTES + signatures.itemsize * signing.permutations
    size = int(index.text_bytes.sum()) + row_bytes * int(index.copies.sum())
    mean = size // max(len(parts), 1) + 1
    at_once = max(1, int(memory_bytes * _SIGNED_FRACTION) // mean)
    for start in range(0, len(parts), at_once):
        for batch in signer(parts[start : start + at_once], signing).to_batches():
            rows = np.searchsorted(index.ids, pack_ids(batch.column("id").to_pylist()))
            values = batch.column("signature").flatten().to_numpy()
            signatures[rows] = values.reshape(len(rows), signing.permutations)
            words_hash[rows] = batch.column("words_hash").to_numpy()
            worded[rows] = batch.column("words_bytes").to_numpy() > 0
    return signatures, words_hash, np.flatnonzero(worded)


def _band_keys(
    scratch: Scratch, signatures: NDArray[np.uint32], rows: Rows, band: int, bands: Bands
) -> NDArray[np.uint64]:
    """One hash per row of its part of the signature."""
    keys = scratch.array("keys", (len(rows),), np.uint64)
    columns = slice(band * bands.rows, (band + 1) * bands.rows)
    for start in range(0, len(rows), _CHUNK_ROWS):
        piece = signatures[rows[start : start + _CHUNK_ROWS], columns].astype(np.uint64)
        key = np.zeros(len(piece), dtype=np.uint64)
        for column in piece.T:
            key = (key ^ column) * _GOLDEN
            key ^= key >> np.uint64(32)
        keys[start : start + len(piece)] = key
    return keys


class _Search:
    """Joins candidates that are similar enough. A pair whose estimate lies within three standard
    deviations of the limit waits until its n-grams are counted themselves."""

    def __init__(
        self,
        index: Index,
        parts: Sequence[Path],
        signatures: NDArray[np.uint32],
        clusters: Unions,
        signing: Signing,
        similarity: float,
        memory_bytes: int,
    ) -> None:
        self._index = index
        self._parts = parts
        self._signatures = signatures
        self._clusters = clusters
        self._ngram_words = signing.ngram_words
        self._similarity = similarity
        self._comparing = int(memory_bytes * _COMPARED_FRACTION)
        self._margin = 3 * math.sqrt(similarity * (1 - similarity) / signing.permutations)
        # Pairs as one * documents + other: ascending, and those found since.
        self._unsure = np.empty(0, dtype=np.int64)
        self._fresh: list[Rows] = []
        self._fresh_pairs = 0

    def compare(self, one: Rows, other: Rows) -> None:
        """Join the pairs that are surely similar; remember those that may be."""
        apart = self._clusters.roots(one) != self._clusters.roots(other)
        one, other = one[apart], other[apart]  # those of one cluster need no comparing
        equal = _equal_fractions(self._signatures, one, other, self._comparing)
        sure = equal > self._similarity + self._margin  # at 1 none: equal signatures may differ
        self._clusters.join(one[sure], other[sure])
        unsure = ~sure & (equal >= self._similarity - self._margin)
        pairs = one[unsure] * len(self._index.ids) + other[unsure]
        self._fresh.append(pairs)
        self._fresh_pairs += len(pairs)
        # The same pair shares many bands. Put in order only when there are as many new ones as old
        # ones, so that all orderings together take no longer than the last few.
        if self._fresh_pairs > max(len(self._unsure), _CHUNK_ROWS):
            self._order_unsure()
        if self._unsure.nbytes > self._comparing:
            self.settle_unsure()

    def _order_unsure(self) -> None:
        self._unsure = np.unique(np.concatenate([self._unsure, *self._fresh]))
        self._fresh, self._fresh_pairs = [], 0

    def settle_unsure(self) -> None:
        """Count the n-grams of the pairs that wait and are still apart; join who is similar."""
        self._order_unsure()
        one, other = np.divmod(self._unsure, max(len(self._index.ids), 1))
        self._unsure = self._unsure[:0]
        apart = self._clusters.roots(one) != self._clusters.roots(other)
        one, other = one[apart], other[apart]
        similar = are_similar(
            self._index,
            self._parts,
            one,
            other,
            ngram_words=self._ngram_words,
            similarity=self._similarity,
            memory_bytes=self._comparing,
        )
        self._clusters.join(one[similar], other[similar])


def _equal_fractions(
    signatures: NDArray[np.uint32], one: Rows, other: Rows, memory_bytes: int
) -> NDArray[np.float64]:
    """In which fraction of their hashes the signatures of each pair agree."""
    permutations = signatures.shape[1]
    equal = np.empty(len(one), dtype=np.float64)
    step = max(1, memory_bytes // (12 * permutations))
    for start in range(0, len(one), step):
        pairs = slice(start, start + step)
        agree = signatures[one[pairs]] == signatures[other[pairs]]
        equal[pairs] = np.count_nonzero(agree, axis=1) / permutations
    return equal


def _choose(cluster: Rows, best: Rows, quality: NDArray[np.float32]) -> Clusters:
    """Who stays. best: for each row, the best of those with its words."""
    members = np.flatnonzero(_sizes(cluster)[cluster] > 1)
    kept = np.ones(len(cluster), dtype=bool)
    kept[members] = best_of_group(cluster[members], members, quality[members]) == members
    kind = np.where(kept, UNIQUE, NEAR).astype(np.int8)
    kind[best != np.arange(len(best))] = NORMALISED
    return Clusters(cluster, kept, kind)


def _sizes(labels: Rows) -> NDArray[np.int64]:
    return np.bincount(labels, minlength=len(labels))
