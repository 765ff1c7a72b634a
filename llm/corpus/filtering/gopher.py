"""Gopher's rules: words and lines as prose has them, and no text that repeats itself.

Source: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training
Gopher", appendix A1.1 and table A1. The published limits stand in the settings' descriptions; a
text at a limit is kept. Where the paper leaves room, and where datatrove 0.10 decides otherwise:
- Words are what white space sets apart; datatrove's tokenizer cuts marks off and contractions in
  two, so its words are shorter, and some more. Marks it leaves out of counts and lengths, but not
  of the words that lack a letter: it finds far more texts with few letters.
- Shares of characters are of the characters in lines, or in words; datatrove's are of the whole
  text, white space too, and so somewhat lower.
- The commonest n-gram stands at least twice; datatrove's can stand once, which drops short texts.
  Of equally common ones the longest counts; datatrove takes the first.
- Of n-grams that stood before every character counts once, wherever they begin; datatrove jumps
  behind each that it finds and so finds fewer.
- Bullets are more signs than datatrove's two. A text of two lines is no list.
- A stop word counts in capitals too.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.reasons import Finding, Reason
from llm.corpus.punctuation import ELLIPSES

# Any English text of some length holds at least two of them.
STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_FORMS = tuple(form for w in sorted(STOP_WORDS) for form in (w, w.capitalize(), w.upper()))
_COMMON_SIZES = (2, 3, 4)
_DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
_BULLETS = ("-", "*", "•", "‣", "▪", "●", "◦", "–")
_LEAST_LINES = 3  # fewer say nothing about lists

Fraction = float | None


def _limit(what: str, published: str) -> Fraction:
    return Field(ge=0.0, le=1.0, description=f"greatest {what} (Gopher: {published}); null is off")


class GopherSettings(Section):
    """Gopher's limits; null switches a rule off."""

    minimum_mean_word_length: float = Field(
        ge=0.0,
        description="in characters (Gopher: 3); neither is asked of scripts without spaces",
    )
    maximum_mean_word_length: Fraction = Field(
        gt=0.0, description="in characters (Gopher: 10); null is off"
    )
    minimum_letter_words_fraction: Fraction = Field(
        ge=0.0, le=1.0, description="least fraction of words with a letter (Gopher: 0.8)"
    )
    minimum_stop_words: int = Field(
        ge=0,
        le=len(STOP_WORDS),
        description="how many of the commonest English words an English text holds (Gopher: 2)",
    )
    maximum_symbols_per_word: Fraction = Field(
        ge=0.0, description="greatest number of #, or of ..., per word (Gopher: 0.1); null is off"
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
        longest = self.maximum_mean_word_length
        if longest is not None and self.minimum_mean_word_length > longest:
            raise ValueError("minimum_mean_word_length is greater than maximum_mean_word_length")
        for limits in (self.maximum_common_ngram_fractions, self.maximum_duplicate_ngram_fractions):
            if any(not 0.0 <= limit <= 1.0 for limit in limits or ()):
                raise ValueError("a limit of n-grams lies outside 0 to 1")
        return self


def mean_word_length(facts: Facts, settings: GopherSettings) -> Iterator[Finding]:
    """Words too short or too long on average, in a script that sets spaces between them."""
    if facts.is_unspaced:
        return
    mean = facts.word_characters / max(1, facts.word_count)
    low = settings.minimum_mean_word_length
    if mean < low:
        yield Finding("word_length", mean, low)
    yield from _over("word_length", mean, settings.maximum_mean_word_length)


def letters(facts: Facts, settings: GopherSettings) -> Iterator[Finding]:
    """Too few of the words hold a letter."""
    least = settings.minimum_letter_words_fraction
    if least is not None and facts.words_with_letter < least * facts.word_count:
        yield Finding("few_letters", facts.words_with_letter / facts.word_count, least)


def symbol_words(facts: Facts, settings: GopherSettings) -> Iterator[Finding]:
    """Too many hash signs per word, or too many ellipses."""
    words, limit = max(1, facts.word_count), settings.maximum_symbols_per_word
    marks = max(facts.text.count("#"), sum(map(facts.text.count, ELLIPSES)))
    yield from _over("symbol_words", marks / words, limit)


def list_lines(facts: Facts, settings: GopherSettings) -> Iterator[Finding]:
    """Of three lines or more, too many begin with a bullet or end with an ellipsis."""
    lines = facts.lines
    if len(lines) < _LEAST_LINES:
        return
    marked = sum(line.startswith(_BULLETS) for line in lines) / len(lines)
    yield from _over("bullets", marked, settings.maximum_bullet_lines_fraction)
    cut_off = sum(line.endswith(ELLIPSES) for line in lines) / len(lines)
    yield from _over("ellipses", cut_off, settings.maximum_ellipsis_lines_fraction)


def repeated_lines(facts: Facts, settings: GopherSettings) -> Iterator[Finding]:
    """Too many lines or paragraphs stood before, or too much of the text stands in such."""
    lines, characters = facts.line_repeats
    yield from _over("duplicate_lines", lines, settings.maximum_duplicate_lines_fraction)
    limit = settings.maximum_duplicate_line_characters_fraction
    yield from _over("duplicate_line_characters", characters, limit)
    paragraphs, characters = facts.paragraph_repeats
    limit = settings.maximum_duplicate_paragraphs_fraction
    yield from _over("duplicate_paragraphs", paragraphs, limit)
    limit = settings.maximum_duplicate_paragraph_characters_fraction
    yield from _over("duplicate_paragraph_characters", characters, limit)


def repeated_ngrams(facts: Facts, settings: GopherSettings) -> Iterator[Finding]:
    """Too much of the text is one short n-gram of words, or longer ones that stood before."""
    if limits := settings.maximum_common_ngram_fractions:
        by_size = dict(zip(_COMMON_SIZES, limits, strict=True))
        if over := facts.common_ngram_over(by_size):
            size, fraction = over
            yield Finding("common_ngram", fraction, by_size[size], f"{size}-gram")
    if limits := settings.maximum_duplicate_ngram_fractions:
        by_size = dict(zip(_DUPLICATE_SIZES, limits, strict=True))
        if over := facts.duplicate_ngrams_over(by_size):
            size, fraction = over
            yield Finding("duplicate_ngrams", fraction, by_size[size], f"{size}-grams")


def stop_words(facts: Facts, settings: GopherSettings) -> Iterator[Finding]:
    """An English text with too few different ones of the commonest words: a list, or spam."""
    held = {form.lower() for form, there in zip(_FORMS, facts.holds(_FORMS), strict=True) if there}
    if len(held) < settings.minimum_stop_words:
        yield Finding("stop_words", len(held), settings.minimum_stop_words)


def _over(reason: Reason, value: float, limit: Fraction) -> Iterator[Finding]:
    if limit is not None and value > limit:
        yield Finding(reason, value, limit)
