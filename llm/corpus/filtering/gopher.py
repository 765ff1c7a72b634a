"""Gopher's rules: words and lines as prose has them, and no text that repeats itself.

Source: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training
Gopher", appendix A1.1 and table A1. The published limits stand in the settings' descriptions.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.reasons import Reason

# Any English text of some length holds at least two of them.
STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_FORMS = tuple(form for w in sorted(STOP_WORDS) for form in (w, w.capitalize(), w.upper()))
_COMMON_SIZES = (2, 3, 4)
_DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
_BULLETS = ("-", "*", "•", "‣", "▪", "●", "◦", "–")
_ELLIPSES = ("...", "…")
_LEAST_LINES = 3  # fewer say nothing about lists

Fraction = float | None


def _limit(what: str, published: str) -> Fraction:
    return Field(ge=0.0, le=1.0, description=f"greatest {what} (Gopher: {published}); null is off")


class GopherSettings(Section):
    """Gopher's limits; null switches a rule off."""

    minimum_mean_word_length: float = Field(ge=0.0, description="in characters (Gopher: 3)")
    maximum_mean_word_length: float = Field(gt=0.0, description="in characters (Gopher: 10)")
    minimum_letter_words_fraction: Fraction = Field(
        ge=0.0, le=1.0, description="least fraction of words with a letter (Gopher: 0.8)"
    )
    minimum_stop_words: int = Field(
        ge=0,
        le=len(STOP_WORDS),
        description="how many of the commonest English words an English text holds (Gopher: 2)",
    )
    maximum_bullet_lines_fraction: Fraction = _limit("fraction of lines after a bullet", "0.9")
    maximum_ellipsis_lines_fraction: Fraction = _limit("fraction of lines cut off by ...", "0.3")
    maximum_duplicate_lines_fraction: Fraction = _limit("fraction of repeated lines", "0.3")
    maximum_duplicate_paragraphs_fraction: Fraction = _limit(
        "fraction of repeated paragraphs", "0.3"
    )
    maximum_duplicate_line_characters_fraction: Fraction = _limit(
        "fraction of characters in lines that stood before", "0.2; FineWeb: 0.1"
    )
    maximum_duplicate_paragraph_characters_fraction: Fraction = _limit(
        "fraction of characters in paragraphs that stood before", "0.2"
    )
    maximum_common_ngram_fractions: list[float] | None = Field(
        min_length=len(_COMMON_SIZES),
        max_length=len(_COMMON_SIZES),
        description="greatest fraction of characters in the commonest 2-, 3- and 4-gram of words "
        "(Gopher: [0.2, 0.18, 0.16]); null is off",
    )
    maximum_duplicate_ngram_fractions: list[float] | None = Field(
        min_length=len(_DUPLICATE_SIZES),
        max_length=len(_DUPLICATE_SIZES),
        description="greatest fraction of characters in 5- to 10-grams of words that stood before "
        "(Gopher: [0.15, 0.14, 0.13, 0.12, 0.11, 0.1]); null is off",
    )

    @model_validator(mode="after")
    def _sensible(self) -> GopherSettings:
        if self.minimum_mean_word_length > self.maximum_mean_word_length:
            raise ValueError("minimum_mean_word_length is greater than maximum_mean_word_length")
        for limits in (self.maximum_common_ngram_fractions, self.maximum_duplicate_ngram_fractions):
            if any(not 0.0 <= limit <= 1.0 for limit in limits or ()):
                raise ValueError("a limit of n-grams lies outside 0 to 1")
        return self


def mean_word_length(facts: Facts, settings: GopherSettings) -> Reason | None:
    """Words too short or too long on average."""
    mean = facts.word_characters / max(1, facts.word_count)
    low, high = settings.minimum_mean_word_length, settings.maximum_mean_word_length
    return None if low <= mean <= high else "word_length"


def letters(facts: Facts, settings: GopherSettings) -> Reason | None:
    """Too few of the words hold a letter."""
    least = settings.minimum_letter_words_fraction
    if least is None or facts.words_with_letter >= least * facts.word_count:
        return None
    return "few_letters"


def list_lines(facts: Facts, settings: GopherSettings) -> Reason | None:
    """Of three lines or more, too many begin with a bullet or end with an ellipsis."""
    lines = facts.lines
    if len(lines) < _LEAST_LINES:
        return None
    if _over(
        sum(line.startswith(_BULLETS) for line in lines) / len(lines),
        settings.maximum_bullet_lines_fraction,
    ):
        return "bullets"
    cut_off = sum(line.endswith(_ELLIPSES) for line in lines) / len(lines)
    return "ellipses" if _over(cut_off, settings.maximum_ellipsis_lines_fraction) else None


def repeated_lines(facts: Facts, settings: GopherSettings) -> Reason | None:
    """Too many lines or paragraphs stood before, or too much of the text stands in such."""
    lines, characters = facts.line_repeats
    if _over(lines, settings.maximum_duplicate_lines_fraction):
        return "duplicate_lines"
    if _over(characters, settings.maximum_duplicate_line_characters_fraction):
        return "duplicate_line_characters"
    paragraphs, characters = facts.paragraph_repeats
    if _over(paragraphs, settings.maximum_duplicate_paragraphs_fraction):
        return "duplicate_paragraphs"
    if _over(characters, settings.maximum_duplicate_paragraph_characters_fraction):
        return "duplicate_paragraph_characters"
    return None


def repeated_ngrams(facts: Facts, settings: GopherSettings) -> Reason | None:
    """Too much of the text is one short n-gram of words, or longer ones that stood before."""
    limits = settings.maximum_common_ngram_fractions
    if limits and facts.common_ngrams_over(dict(zip(_COMMON_SIZES, limits, strict=True))):
        return "common_ngram"
    limits = settings.maximum_duplicate_ngram_fractions
    if limits and facts.duplicate_ngrams_over(dict(zip(_DUPLICATE_SIZES, limits, strict=True))):
        return "duplicate_ngrams"
    return None


def stop_words(facts: Facts, settings: GopherSettings) -> Reason | None:
    """An English text with too few different ones of the commonest words: a list, or spam."""
    held = {form.lower() for form, there in zip(_FORMS, facts.holds(_FORMS), strict=True) if there}
    return None if len(held) >= settings.minimum_stop_words else "stop_words"


def _over(value: float, limit: Fraction) -> bool:
    return limit is not None and value > limit
