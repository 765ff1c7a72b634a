"""What a document's words hash to: one hash of all of them, and a MinHash signature of their
n-grams.

Signatures (Broder 1997) and hashes are Daft expressions: they run on one machine or on a Ray
cluster (DAFT_RUNNER), and depend on a text and the settings alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_PROBABILITY = 0.99  # that a pair exactly at the similarity becomes a candidate
_CURVE_STEPS = 10


@dataclass(frozen=True)
class Signing:
    """What a signature depends on besides the text. See llm.stages.dedupe.Config."""

    ngram_words: int
    permutations: int
    seed: int


@dataclass(frozen=True)
class Bands:
    """How a signature is cut: `bands` pieces of `rows` hashes each.

    Two documents that share a whole band become candidates (Indyk & Motwani 1998; Leskovec et
    al., Mining of Massive Datasets, chapter 3). For 128 hashes and a similarity of 0.7 these are
    32 bands of 4, and of the pairs of each Jaccard similarity become candidates:

    | similarity | 0.1   | 0.2   | 0.3   | 0.4   | 0.5   | 0.6   | 0.7    | 0.8 and more |
    |------------|-------|-------|-------|-------|-------|-------|--------|--------------|
    | fraction   | 0.003 | 0.050 | 0.229 | 0.564 | 0.873 | 0.988 | 0.9998 | 1.0          |

    Candidates are then held against the estimate from the whole signature.
    """

    bands: int
    rows: int

    def candidate_probability(self, similarity: float) -> float:
        """The probability that two texts of this Jaccard similarity share at least one band."""
        return 1.0 - (1.0 - similarity**self.rows) ** self.bands

    def curve(self) -> dict[str, float]:
        """The probability of becoming candidates at the similarities 0.1, 0.2 ... 1.0."""
        points = (step / _CURVE_STEPS for step in range(1, _CURVE_STEPS + 1))
        return {f"{point:.1f}": round(self.candidate_probability(point), 6) for point in points}


def choose_bands(permutations: int, similarity: float) -> Bands:
    """The longest bands, and so the fewest false candidates, that still find a pair exactly at
    the similarity with a probability of 0.99; one row a band where none does."""
    fitting = (Bands(permutations // rows, rows) for rows in range(permutations, 0, -1))
    for bands in fitting:
        if bands.candidate_probability(similarity) >= _PROBABILITY:
            return bands
    return Bands(permutations, 1)


def sign(parts: Sequence[Path], signing: Signing) -> pa.Table:
    """The columns id, words_bytes, words_hash and signature of the documents in Parquet files.

    words_bytes: length of the normalised text. words_hash: its XXH3 (64 bits). signature: the
    least of `permutations` hashes each (32 bits) over the word n-grams; a text of fewer words
    counts as one n-gram. Rows come in any order; a row depends on its text and `signing` alone,
    so that rows of before may be kept and only new documents signed.
    """
    daft = _engine()
    from daft.functions import hash as hash_of
    from daft.functions import length_bytes, minhash

    plain = daft.col("plain")
    signature = minhash(
        plain, num_hashes=signing.permutations, ngram_size=signing.ngram_words, seed=signing.seed
    )
    return (
        daft.read_parquet([str(part) for part in parts])
        .select("id", normalised(daft.col("text")).alias("plain"))
        .select(
            "id",
            length_bytes(plain).alias("words_bytes"),
            hash_of(plain).alias("words_hash"),
            signature.alias("signature"),
        )
        .to_arrow()
    )


def hash_words(texts: Any) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """How many words each text of an Arrow array has, and their hash, as `sign` hashes them."""
    daft = _engine()
    from daft.functions import hash as hash_of
    from daft.functions import regexp_count

    plain = daft.col("plain")
    table = (
        daft.from_arrow(pa.table({"place": np.arange(len(texts)), "text": texts}))
        .select("place", normalised(daft.col("text")).alias("plain"))
        .select("place", regexp_count(plain, "[^ ]+").alias("words"), hash_of(plain).alias("hash"))
        .to_arrow()
    )
    words, hashes = np.empty(len(texts), np.int64), np.empty(len(texts), np.uint64)
    places = table["place"].to_numpy()
    words[places], hashes[places] = table["words"].to_numpy(), table["hash"].to_numpy()
    return words, hashes


def normalised_texts(texts: Any) -> pa.Array:
    """An Arrow array of texts, each `normalised`."""
    daft = _engine()
    table = (
        daft.from_arrow(pa.table({"place": np.arange(len(texts)), "text": texts}))
        .select("place", normalised(daft.col("text")).alias("plain"))
        .to_arrow()
        .sort_by("place")
    )
    return table["plain"].cast(pa.string()).combine_chunks()


def _engine() -> Any:
    os.environ.setdefault("DAFT_PROGRESS_BAR", "0")  # its bars would overwrite our lines
    # Where this says nothing it imports Ray, to see whether a cluster is at hand.
    os.environ.setdefault("DAFT_RUNNER", "native")
    import daft

    return daft


def normalised(text: Any) -> Any:
    """A Daft expression: the words of a text alone, in lower case, without accents, one space
    between them, so that editions that differ in quotes, dashes, italics or spelling of accents
    sign alike. A Chinese character or a kana is a word, since no space sets words off there.
    Empty words would change signatures."""
    from daft.functions import normalize, regexp_replace, strip

    plain = normalize(text, lowercase=True, nfd_unicode=True)
    plain = regexp_replace(plain, r"\p{M}+", "")
    plain = regexp_replace(plain, r"([\p{Han}\p{Hiragana}\p{Katakana}])", " $1 ")
    return strip(regexp_replace(plain, r"[^\p{L}\p{N}]+", " "))
