"""Which documents say the same: by their words, by MinHash and LSH, joined into clusters.

What is kept per document (about 60 bytes, and 4 per permutation) lies in files, see
llm.corpus.index; what is signed, sorted and compared at once is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from llm.corpus.index import Index, Scratch, pack_ids
from llm.corpus.signatures import Bands, Signing, choose_bands, sign
from llm.corpus.unions import Rows, Unions, best_of_group, equal_groups, pairs_of_groups

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("unique", "exact", "normalised", "near")
UNIQUE, EXACT, NORMALISED, NEAR = range(len(KINDS))

_CHUNK_ROWS = 1 << 16
# Of the memory: text signed at once (the engine holds several forms of it), keys that are sorted
# at once, pairs of signatures that are compared at once.
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
    similarity of at least `similarity` as estimated by their signatures; chains are one cluster.

    The estimate's standard deviation is sqrt(s (1 - s) / permutations), about 0.04 for 128. Of a
    bucket of more than 32 documents each is compared with the lowest id and its neighbours by id
    alone. Of each cluster stays the document of the best quality, then of the lowest id. Texts
    without words are alike in nothing.
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
        same = _alike(signatures, first, rows, 1.0, comparing)  # whose hash alone is equal is not
        clusters.join(first[same], rows[same])
    roots = clusters.settle()
    doubled = np.flatnonzero(_sizes(roots)[roots] > 1)
    best[doubled] = best_of_group(roots[doubled], doubled, index.quality[doubled])
    distinct = worded[roots[worded] == worded]
    bands = choose_bands(signing.permutations, similarity)
    for band in range(bands.bands):
        keys = _band_keys(index.scratch, signatures, distinct, band, bands)
        for rows, group in equal_groups(keys, distinct, memory_bytes=sorting):
            for one, other in pairs_of_groups(rows, group):
                _join_alike(clusters, signatures, one, other, similarity, comparing)
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
    mean = int(index.text_bytes.sum()) // max(len(parts), 1) + 1
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


def _join_alike(
    clusters: Unions,
    signatures: NDArray[np.uint32],
    one: Rows,
    other: Rows,
    similarity: float,
    memory_bytes: int,
) -> None:
    """Join the pairs that are similar enough; those of one cluster need no comparing."""
    apart = clusters.roots(one) != clusters.roots(other)
    one, other = one[apart], other[apart]
    alike = _alike(signatures, one, other, similarity, memory_bytes)
    clusters.join(one[alike], other[alike])


def _alike(
    signatures: NDArray[np.uint32],
    one: Rows,
    other: Rows,
    similarity: float,
    memory_bytes: int,
) -> NDArray[np.bool_]:
    """Whether the signatures of each pair agree in at least this fraction of their hashes."""
    permutations = signatures.shape[1]
    alike = np.empty(len(one), dtype=bool)
    step = max(1, memory_bytes // (12 * permutations))
    for start in range(0, len(one), step):
        pairs = slice(start, start + step)
        equal = np.count_nonzero(signatures[one[pairs]] == signatures[other[pairs]], axis=1)
        alike[pairs] = equal >= similarity * permutations
    return alike


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
