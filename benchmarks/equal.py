"""Equal settings on both sides: what the stages get, and what that is in the peers' words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NGRAM_WORDS = 5
PERMUTATIONS = 128
SIMILARITY = 0.7
SEED = 1

# The limits that Gopher and C4 published, and that datatrove takes where none is given. FineWeb's
# line rules are off on both sides: lines of a wrapped book break off in the middle of a sentence.
GOPHER: Mapping[str, Any] = {
    "minimum_mean_word_length": 3.0,
    "maximum_mean_word_length": 10.0,
    "minimum_letter_words_fraction": 0.8,
    "minimum_stop_words": 2,
    "maximum_symbols_per_word": 0.1,
    "maximum_bullet_lines_fraction": 0.9,
    "maximum_ellipsis_lines_fraction": 0.3,
    "maximum_duplicate_lines_fraction": 0.3,
    "maximum_duplicate_paragraphs_fraction": 0.3,
    "maximum_duplicate_line_characters_fraction": 0.2,
    "maximum_duplicate_paragraph_characters_fraction": 0.2,
    "maximum_common_ngram_fractions": [0.2, 0.18, 0.16],
    "maximum_duplicate_ngram_fractions": [0.15, 0.14, 0.13, 0.12, 0.11, 0.1],
}
PAGES: Mapping[str, Any] = {
    "drop_placeholders": True,
    "drop_curly_brackets": True,
    "minimum_sentences": 5,
    "minimum_ended_lines_fraction": None,
    "maximum_short_lines_fraction": None,
}
FILTERS: Mapping[str, Any] = {
    "minimum_words": 50,
    "maximum_words": 100_000,
    "gopher": GOPHER,
    "pages": PAGES,
}
CLEAN: Mapping[str, Any] = {"filters": FILTERS}
DEDUPE: Mapping[str, Any] = {
    "ngram_words": NGRAM_WORDS,
    "permutations": PERMUTATIONS,
    "similarity": SIMILARITY,
    "seed": SEED,
}
CHANGES: Mapping[str, Any] = {"clean": CLEAN, "dedupe": DEDUPE}


def datatrove_settings() -> dict[str, Any]:
    """The same for datatrove: arguments of its filters by class, and of its MinHash."""
    from llm.corpus.dedupe.signatures import choose_bands

    bands = choose_bands(PERMUTATIONS, SIMILARITY)
    return {
        "GopherRepetitionFilter": {
            "dup_line_frac": GOPHER["maximum_duplicate_lines_fraction"],
            "dup_para_frac": GOPHER["maximum_duplicate_paragraphs_fraction"],
            "dup_line_char_frac": GOPHER["maximum_duplicate_line_characters_fraction"],
            "dup_para_char_frac": GOPHER["maximum_duplicate_paragraph_characters_fraction"],
            "top_n_grams": _by_size(2, GOPHER["maximum_common_ngram_fractions"]),
            "dup_n_grams": _by_size(5, GOPHER["maximum_duplicate_ngram_fractions"]),
        },
        "GopherQualityFilter": {
            "min_doc_words": FILTERS["minimum_words"],
            "max_doc_words": FILTERS["maximum_words"],
            "min_avg_word_length": GOPHER["minimum_mean_word_length"],
            "max_avg_word_length": GOPHER["maximum_mean_word_length"],
            "max_symbol_word_ratio": GOPHER["maximum_symbols_per_word"],
            "max_bullet_lines_ratio": GOPHER["maximum_bullet_lines_fraction"],
            "max_ellipsis_lines_ratio": GOPHER["maximum_ellipsis_lines_fraction"],
            "max_non_alpha_words_ratio": GOPHER["minimum_letter_words_fraction"],
            "min_stop_words": GOPHER["minimum_stop_words"],
        },
        "C4QualityFilter": {
            "remove_citations": False,
            "filter_no_terminal_punct": False,
            "min_num_sentences": PAGES["minimum_sentences"],
            "min_words_per_line": -1,
            "max_word_length": -1,
            "filter_lorem_ipsum": PAGES["drop_placeholders"],
            "filter_curly_bracket": PAGES["drop_curly_brackets"],
        },
        "minhash": {
            "n_grams": NGRAM_WORDS,
            "num_buckets": bands.bands,
            "hashes_per_bucket": bands.rows,
            "seed": SEED,
        },
    }


def _by_size(first: int, limits: list[float]) -> list[list[float]]:
    """A limit per size of n-gram, from the smallest on."""
    return [[size, limit] for size, limit in enumerate(limits, start=first)]
