"""Which documents are kept: each filter finds nothing, or a named reason to drop.

Sources stand with the rules: here CCNet (Wenzek et al. 2020) for the language's score and the
perplexity, Gopher (Rae et al. 2021) for length, C4 (Raffel et al. 2020) for lists of words; the
shares of unreadable characters, symbols and digits are this project's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
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
    symbol_words,
)
from llm.corpus.filtering.language import identify_language
from llm.corpus.filtering.pages import PageSettings, code_or_filler, line_shape, sentences
from llm.corpus.filtering.reasons import Finding, Reason

_SYMBOLS = b"#<>{}|\\^~=@$%+`[]"


class FilterSettings(Section):
    """Limits of the filters; null switches a rule off, and so does a least number of 0. A text at
    a limit is kept, where nothing else is said."""

    language: str | None = Field(
        pattern=r"^[a-z]{2,3}$",
        description="ISO 639 code of the language to keep; null keeps every language",
    )
    minimum_language_score: float = Field(
        ge=0.0, le=1.0, description="least probability of the text's language (CCNet: 0.5)"
    )
    minimum_words: int = Field(
        ge=0,
        description="least number of words (Gopher: 50); in scripts without spaces each letter is "
        "one",
    )
    maximum_words: int | None = Field(
        ge=1, description="greatest number of words (Gopher: 100,000); null is off"
    )
    maximum_unreadable_fraction: float | None = Field(
        ge=0.0, le=1.0, description="greatest fraction of characters without a meaning; null is off"
    )
    maximum_symbol_fraction: float | None = Field(
        ge=0.0,
        le=1.0,
        description="greatest fraction of characters that are symbols of programs, tables and "
        "markup; null is off",
    )
    maximum_digit_fraction: float | None = Field(
        ge=0.0, le=1.0, description="greatest fraction of characters that are digits; null is off"
    )
    blocked_phrases: list[str] = Field(
        description="words and phrases, each of which drops a text (C4's list of words); capitals "
        "do not count"
    )
    gopher: GopherSettings = Field(description="words, lists and repetitions")
    pages: PageSettings = Field(description="what texts of web pages must not be")

    @model_validator(mode="after")
    def _sensible(self) -> FilterSettings:
        if self.maximum_words is not None and self.minimum_words > self.maximum_words:
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
    """language: as identified, with its probability; "" with 0 for an empty text. findings: every
    rule that the text breaks, in the order in which they are asked."""

    language: str = ""
    score: float = 0.0
    findings: tuple[Finding, ...] = ()

    @property
    def reason(self) -> Reason | None:
        """The first reason to drop; None to keep."""
        return self.findings[0].reason if self.findings else None


def length(facts: Facts, settings: FilterSettings) -> Iterator[Finding]:
    """Nothing is left after extraction, or too few or too many words (Gopher)."""
    count, most = facts.word_count, settings.maximum_words
    if not count:
        yield Finding("empty", 0, 1)
    elif count < settings.minimum_words:
        yield Finding("too_short", count, settings.minimum_words)
    elif most is not None and count > most:
        yield Finding("too_long", count, most)


def unreadable(facts: Facts, settings: FilterSettings) -> Iterator[Finding]:
    """Replacement characters, unassigned and private code points: a broken decoding."""
    most = settings.maximum_unreadable_fraction
    if most is not None:
        yield from _over("unreadable", facts.unreadable_characters, most, facts)


def symbols(facts: Facts, settings: FilterSettings) -> Iterator[Finding]:
    """Too many of the characters are symbols, or digits of any script."""
    most = settings.maximum_symbol_fraction
    if most is not None:
        yield from _over("symbols", facts.ascii_characters(_SYMBOLS), most, facts)
    most = settings.maximum_digit_fraction
    if most is not None:
        yield from _over("digits", facts.digits, most, facts)


def _over(reason: Reason, count: int, most: float, facts: Facts) -> Iterator[Finding]:
    if count > most * len(facts.text):
        yield Finding(reason, count / len(facts.text), most)


def blocked_phrases(facts: Facts, settings: FilterSettings) -> Iterator[Finding]:
    """One of the named words or phrases stands there as whole words (C4's list of words)."""
    if not settings.blocked_phrases:
        return
    found = [
        phrase
        for phrase in settings.blocked_phrases
        # First whether its first word stands anywhere: a search of the whole text for each of
        # hundreds of phrases would take a second for a megabyte.
        if phrase.split()[0].lower() in facts.vocabulary and _phrase(phrase).search(facts.lowered)
    ]
    if found:
        yield Finding("blocked_phrase", len(found), 0, found[0])


@lru_cache(maxsize=4096)
def _phrase(phrase: str) -> re.Pattern[str]:
    """A phrase as whole words, with any white space between them; where no space stands between
    words, as in Chinese, anywhere."""
    from llm.corpus.filtering.words import find_words

    words = r"\s+".join(map(re.escape, phrase.lower().split()))
    if find_words(phrase).unspaced:
        return re.compile(words)
    return re.compile(rf"(?<!\w){words}(?!\w)")


def judge(facts: Facts, settings: FilterSettings) -> Verdict:
    """Ask every filter, cheap ones first.

    Of a text that one has dropped the others are asked too, so that each can be told what it
    would drop alone. Reasons of the language: "language" where it is another one, "language_score"
    where it is too uncertain. Only an English text is asked for English stop words.
    """
    asked = chain(
        length(facts, settings),
        unreadable(facts, settings),
        mean_word_length(facts, settings.gopher),
        letters(facts, settings.gopher),
        symbol_words(facts, settings.gopher),
        symbols(facts, settings),
        repeated_lines(facts, settings.gopher),
        list_lines(facts, settings.gopher),
        line_shape(facts, settings.pages),
        code_or_filler(facts, settings.pages),
        sentences(facts, settings.pages),
        blocked_phrases(facts, settings),
        repeated_ngrams(facts, settings.gopher),
    )
    if not facts.word_count:
        return Verdict(findings=tuple(length(facts, settings)))
    findings = tuple(asked)
    language, score = identify_language(facts.text)
    findings += tuple(_language(language, score, settings))
    if language == "en":
        findings += tuple(stop_words(facts, settings.gopher))
    return Verdict(language, score, findings)


def _language(language: str, score: float, settings: FilterSettings) -> Iterator[Finding]:
    if settings.language is not None and language != settings.language:
        yield Finding("language", score, None, language)
    elif score < settings.minimum_language_score:
        yield Finding("language_score", score, settings.minimum_language_score, language)
