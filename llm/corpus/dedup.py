"""Which documents say the same: exact by id, near by MinHash and LSH, joined into clusters.

Signatures (Broder 1997) and the hashes of their bands (Indyk & Motwani 1998; Leskovec et al.,
Mining of Massive Datasets, chapter 3) are Daft expressions: they run on one machine or on a Ray
cluster (DAFT_RUNNER). Equal hashes, 8 bytes per document and band, are joined here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Pair = tuple[str, str]

_PROBABILITY = 0.99  # that a pair exactly at the similarity becomes a candidate
_LARGEST_FULL_GROUP = 32  # documents of one bucket compared all with all


@dataclass(frozen=True)
class Bands:
    """How a signature is cut: `bands` pieces of `rows` hashes each."""

    bands: int
    rows: int

    def candidate_probability(self, similarity: float) -> float:
        """The probability that two texts of this Jaccard similarity share at least one band."""
        return 1.0 - (1.0 - similarity**self.rows) ** self.bands


def choose_bands(permutations: int, similarity: float) -> Bands:
    """The longest bands, and so the fewest false candidates, that still find a pair exactly at
    the similarity with a probability of 0.99; one row a band where none does."""
    fitting = (Bands(permutations // rows, rows) for rows in range(permutations, 0, -1))
    for bands in fitting:
        if bands.candidate_probability(similarity) >= _PROBABILITY:
            return bands
    return Bands(permutations, 1)


def normalised(text: Any) -> Any:
    """A Daft expression: the words of a text alone, in lower case, without accents, one space
    between them, so that editions that differ in quotes, dashes, italics or spelling of accents
    sign alike. Empty words would change signatures."""
    from daft.functions import normalize, regexp_replace, strip

    plain = normalize(text, lowercase=True, nfd_unicode=True)
    plain = regexp_replace(plain, r"\p{M}+", "")
    return strip(regexp_replace(plain, r"[^\p{L}\p{N}]+", " "))


def find_near_pairs(
    parts: Sequence[Path], *, ngram_words: int, permutations: int, similarity: float, seed: int
) -> list[Pair]:
    """Pairs of ids of documents whose word n-grams have a Jaccard similarity of at least
    `similarity`, as estimated by their signatures; sorted, the lower id first.

    parts: Parquet files with the columns id and text. The estimate's standard deviation is
    sqrt(s (1 - s) / permutations), about 0.04 for 128. Texts of fewer words than an n-gram count
    as one n-gram. Of a bucket of more than 32 documents each is compared with the lowest id and
    its neighbours by id alone. Memory holds 4 bytes per
    document and permutation.
    """
    bands = choose_bands(permutations, similarity)
    groups, signatures = _candidates(
        parts, bands, ngram_words=ngram_words, permutations=permutations, seed=seed
    )
    pairs: set[Pair] = set()
    for group in groups:
        pairs.update(_group_pairs(sorted(set(group))))
    return [
        (one, two)
        for one, two in sorted(pairs)
        if float(np.mean(signatures[one] == signatures[two])) >= similarity
    ]


def _candidates(
    parts: Sequence[Path], bands: Bands, *, ngram_words: int, permutations: int, seed: int
) -> tuple[list[list[str]], dict[str, np.ndarray]]:
    """Ids per bucket that holds more than one, and the signatures of these ids."""
    os.environ.setdefault("DAFT_PROGRESS_BAR", "0")  # its bars would overwrite our lines
    import daft
    from daft import col
    from daft.functions import hash as hash_of
    from daft.functions import minhash
    from daft.functions import slice as slice_of

    signature = minhash(
        normalised(col("text")), num_hashes=permutations, ngram_size=ngram_words, seed=seed
    )
    signed = (
        daft.read_parquet([str(part) for part in parts])
        .select(col("id"), signature.alias("signature"))
        .collect()
    )
    groups: list[list[str]] = []
    for edge in range(0, bands.bands * bands.rows, bands.rows):  # one band at a time: less memory
        bucket = hash_of(slice_of(col("signature"), edge, edge + bands.rows))
        groups += _equal_groups(signed.select(col("id"), bucket.alias("bucket")).to_arrow())
    wanted = sorted({name for group in groups for name in group})
    if not wanted:
        return [], {}
    rows = signed.where(col("id").is_in(wanted)).to_arrow()
    return groups, {
        name: np.asarray(values.values, dtype=np.uint32)
        for name, values in zip(rows["id"].to_pylist(), rows["signature"], strict=True)
    }


def _equal_groups(table: pa.Table) -> list[list[str]]:
    """The ids of each bucket that holds several rows, of a table with the columns id, bucket."""
    buckets = table["bucket"].to_numpy()
    order = np.argsort(buckets, kind="stable")
    ordered = buckets[order]
    border = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate(([0], border))
    stops = np.concatenate((border, [len(ordered)]))
    several = np.flatnonzero(stops - starts > 1)
    ids = table["id"]
    return [ids.take(order[starts[n] : stops[n]]).to_pylist() for n in several]


def _group_pairs(ids: Sequence[str]) -> Iterable[Pair]:
    if len(ids) <= _LARGEST_FULL_GROUP:
        return combinations(ids, 2)
    return {*((ids[0], other) for other in ids[1:]), *pairwise(ids)}


def clusters_of(pairs: Iterable[Pair]) -> dict[str, str]:
    """The cluster of every id in a pair: the lowest id that chains of pairs reach."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for one, two in pairs:
        low, high = sorted((root(one), root(two)))
        parent[high] = low
    return {name: root(name) for name in sorted(parent)}


def survivors(clusters: Mapping[str, str], lengths: Mapping[str, int]) -> dict[str, str]:
    """The document that stays, per cluster: the longest text, then the lowest id.

    lengths: characters per id.
    """
    best: dict[str, str] = {}
    for name, cluster in sorted(clusters.items()):
        if cluster not in best or lengths[name] > lengths[best[cluster]]:
            best[cluster] = name
    return best
