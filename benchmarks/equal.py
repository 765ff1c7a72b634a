"""Equal settings on both sides: what the stages get, and what that is in the peers' words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NGRAM_WORDS = 5
PERMUTATIONS = 128
SIMILARITY = 0.7
SEED = 1

# The limits that Gopher and FineWeb published, and that datatrove takes where none is given.
CLEAN: Mapping[str, Any] = {
    "minimum_words": 50,
    "maximum_words": 100_000,
    "minimum_mean_word_length": 3.0,
    "maximum_mean_word_length": 10.0,
    "maximum_symbol_fraction": 0.1,
    "maximum_duplicate_line_fraction": 0.2,
}
DEDUPE: Mapping[str, Any] = {
    "ngram_words": NGRAM_WORDS,
    "permutations": PERMUTATIONS,
    "similarity": SIMILARITY,
    "seed": SEED,
}
CHANGES: Mapping[str, Any] = {"clean": CLEAN, "dedupe": DEDUPE}


def datatrove_settings() -> dict[str, Any]:
    """The same for datatrove: arguments of its filters by class, and of its MinHash."""
    from llm.corpus.signatures import choose_bands

    bands = choose_bands(PERMUTATIONS, SIMILARITY)
    return {
        "GopherRepetitionFilter": {
            "dup_line_frac": None,
            "dup_para_frac": None,
            "dup_line_char_frac": CLEAN["maximum_duplicate_line_fraction"],
            "dup_para_char_frac": None,
            "top_n_grams": [],
            "dup_n_grams": [],
        },
        "GopherQualityFilter": {
            "min_doc_words": CLEAN["minimum_words"],
            "max_doc_words": CLEAN["maximum_words"],
            "min_avg_word_length": CLEAN["minimum_mean_word_length"],
            "max_avg_word_length": CLEAN["maximum_mean_word_length"],
            "max_symbol_word_ratio": CLEAN["maximum_symbol_fraction"],
        },
        "minhash": {
            "n_grams": NGRAM_WORDS,
            "num_buckets": bands.bands,
            "hashes_per_bucket": bands.rows,
            "seed": SEED,
        },
    }
