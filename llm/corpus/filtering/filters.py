"""Which documents are kept: each filter answers keep (None), or drop with a named reason."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.gopher import (
    GopherSettings,
    letters,
    list_lines,
    mean_word_length,
    repeated_lines,
    repeated_ngrams,
    stop_words,
)
from llm.corpus.filtering.language import identify_language
from llm.corpus.filtering.pages import PageSettings, code_or_filler, line_shape, sentences
from llm.corpus.filtering.reasons import Reason

_SYMBOLS = b"#<>{}|\\^~=@$%+`[]"
_DIGITS = b"0123456789"
_ELLIPSES = ("...", "…")


class FilterSettings(Section):
    """Limits of the filters; null switches a rule off."""

    language: str = Field(
        pattern=r"^[a-z]{2,3}$", description="ISO 639 code of the language to keep"
    )
    minimum_language_score: float = Field(
        ge=0.0, le=1.0, description="least probability of that language (CCNet: 0.5)"
    )
    minimum_words: int = Field(ge=0, description="least number of words (Gopher: 50)")
    maximum_words: int = Field(ge=1, description="greatest number of words (Gopher: 100,000)")
    maximum_unreadable_fraction: float = Field(
        ge=0.0, le=1.0, description="greatest fraction of characters without a meaning"
    )
    maximum_symbol_fraction: float = Field(
        ge=0.0,
        le=1.0,
        description="greatest number of # and ... per word (Gopher: 0.1), and fraction of "
        "characters that are symbols",
    )
    maximum_digit_fraction: float | None = Field(
        ge=0.0, le=1.0, description="greatest fraction of characters that are digits; null is off"
    )
    blocked_phrases: list[str] = Field(
        description="words and phrases, each of which drops a text; capitals do not count"
    )
    gopher: GopherSettings = Field(description="words, lists and repetitions")
    pages: PageSettings = Field(description="what texts of web pages must not be")

    @model_validator(mode="after")
    def _sensible(self) -> FilterSettings:
        if self.minimum_words > self.maximum_words:
            raise ValueError("minimum_words is greater than maximum_words")
        if any(not phrase.strip() for phrase in self.blocked_phrases):
            raise ValueError("blocked_phrases holds an empty one")
        return self


class PerplexitySettings(Section):
    """How much of the corpus is usual enough."""

    keep_fraction: float | None = Field(
        gt=0.0,
        lt=1.0,
        description="fraction of documents that are usual enough, by a model of the corpus's own "
        "texts (CCNet: 0.333 keeps the head, 0.667 drops the tail); null is off",
    )
    sample_characters: int = Field(
        ge=10_000, le=100_000_000, description="accepted text that the model learns from"
    )


class Verdict(NamedTuple):
    """reason: None to keep. language: "" with score 0 where an earlier filter has dropped it."""

    reason: Reason | None
    language: str = ""
    score: float = 0.0


def length(facts: Facts, settings: FilterSettings) -> Reason | None:
    """Nothing is left after extraction, or too few or too many words (Gopher)."""
    count = facts.word_count
    if not count:
        return "empty"
    if count < settings.minimum_words:
        return "too_short"
    return "too_long" if count > settings.maximum_words else None


def unreadable(facts: Facts, settings: FilterSettings) -> Reason | None:
    """Replacement characters, unassigned and private code points: a broken decoding."""
    limit = settings.maximum_unreadable_fraction * len(facts.text)
    return "unreadable" if facts.unreadable_characters > limit else None


def symbols(facts: Facts, settings: FilterSettings) -> Reason | None:
    """Too many hash signs and ellipses per word (Gopher), other symbols, or digits."""
    text, limit = facts.text, settings.maximum_symbol_fraction
    marks = text.count("#") + sum(map(text.count, _ELLIPSES))
    if marks > limit * facts.word_count or facts.ascii_characters(_SYMBOLS) > limit * len(text):
        return "symbols"
    most = settings.maximum_digit_fraction
    if most is not None and facts.ascii_characters(_DIGITS) > most * len(text):
        return "digits"
    return None


def blocked_phrases(facts: Facts, settings: FilterSettings) -> Reason | None:
    """One of the named words or phrases stands there as whole words (C4's list of words)."""
    if not settings.blocked_phrases:
        return None
    return "blocked_phrase" if _phrases(*settings.blocked_phrases).search(facts.text) else None


@lru_cache(maxsize=8)
def _phrases(*phrases: str) -> re.Pattern[str]:
    """Whole words in any case, with any white space between them."""
    ways = (r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{'|'.join(ways)})(?!\w)", re.IGNORECASE)


def judge(facts: Facts, settings: FilterSettings) -> Verdict:
    """Ask every filter, cheap ones first, and give the first reason to drop.

    Reasons of the language: "language" where it is another one, "language_score" where it is too
    uncertain. Only an English text is asked for English stop words.
    """
    reason = (
        length(facts, settings)
        or unreadable(facts, settings)
        or mean_word_length(facts, settings.gopher)
        or letters(facts, settings.gopher)
        or symbols(facts, settings)
        or repeated_lines(facts, settings.gopher)
        or list_lines(facts, settings.gopher)
        or line_shape(facts, settings.pages)
        or code_or_filler(facts, settings.pages)
        or sentences(facts, settings.pages)
        or blocked_phrases(facts, settings)
        or repeated_ngrams(facts, settings.gopher)
    )
    if reason:
        return Verdict(reason)
    language, score = identify_language(facts.text)
    if language != settings.language:
        return Verdict("language", language, score)
    if score < settings.minimum_language_score:
        return Verdict("language_score", language, score)
    if settings.language == "en":
        return Verdict(stop_words(facts, settings.gopher), language, score)
    return Verdict(None, language, score)
