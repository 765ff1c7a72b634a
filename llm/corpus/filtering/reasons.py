"""Every reason to drop a record, by the name that stands in the rejects and in the metrics."""

from typing import Literal, NamedTuple, get_args

Reason = Literal[
    # what is left, and how it reads (filters)
    "empty",
    "too_short",
    "too_long",
    "unreadable",
    "symbols",
    "digits",
    "blocked_phrase",
    # Gopher's rules of quality and of repetition (gopher)
    "word_length",
    "few_letters",
    "symbol_words",
    "bullets",
    "ellipses",
    "stop_words",
    "duplicate_lines",
    "duplicate_paragraphs",
    "duplicate_line_characters",
    "duplicate_paragraph_characters",
    "common_ngram",
    "duplicate_ngrams",
    # C4's and FineWeb's rules (pages)
    "placeholder",
    "curly_brackets",
    "few_sentences",
    "menu",
    "unended_lines",
    "short_lines",
    "list",
    # the language, and how usual its words are (filters)
    "language",
    "language_score",
    "perplexity",
]
Fault = Literal[  # records that cannot be read, or must not be
    "broken_record",
    "http_status",
    "licence",
    "too_large",
    "unknown_format",
]
REASONS: frozenset[str] = frozenset((*get_args(Reason), *get_args(Fault)))


class Finding(NamedTuple):
    """A rule that a text breaks.

    measured, limit: the number the rule looked at, in the unit of its setting, and the one it was
    held against; limit is None where there is no number. found: what numbers cannot say, as the
    language or the phrase.
    """

    reason: Reason
    measured: float
    limit: float | None
    found: str = ""
