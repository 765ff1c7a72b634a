"""Which documents are kept: each filter answers keep (None), or drop with a named reason.

Sources of the rules: Gopher is Rae et al. 2021, "Scaling Language Models", table A1; C4 is Raffel
et al. 2020, section 2.2; FineWeb is Penedo et al. 2024, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.quality import unreadable_characters

_SYMBOLS = "#<>{}|\\^~=@$%+`[]"
_SAMPLE_CHARACTERS = 400  # per place; the language is told from the start, middle and end
# Gopher's list: any English text of some length holds at least two of them.
_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_PLACEHOLDER = re.compile(r"\blorem ipsum\b", re.IGNORECASE)
_ELLIPSIS = ("...", "…")
_BULLETS = ("-", "*", "•", "‣", "▪", "●", "◦", "–")
_SHORT_LINE_CHARACTERS = 30
_PUNCTUATION = tuple(".,;:!?\"'”’)…—-")


class FilterSettings(Section):
    """Limits of the filters."""

    language: str = Field(
        pattern=r"^[a-z]{2,3}$", description="ISO 639 code of the language to keep"
    )
    minimum_language_score: float = Field(
        ge=0.0, le=1.0, description="least probability of that language"
    )
    minimum_words: int = Field(ge=0, description="least number of words")
    maximum_words: int = Field(ge=1, description="greatest number of words")
    minimum_mean_word_length: float = Field(ge=0.0, description="in characters")
    maximum_mean_word_length: float = Field(gt=0.0, description="in characters")
    maximum_symbol_fraction: float = Field(
        ge=0.0, le=1.0, description="greatest number of symbols per word, and of symbol characters"
    )
    maximum_duplicate_line_fraction: float = Field(
        ge=0.0, le=1.0, description="greatest fraction of characters in lines that stood before"
    )
    maximum_unreadable_fraction: float = Field(
        ge=0.0, le=1.0, description="greatest fraction of characters without a meaning"
    )

    @model_validator(mode="after")
    def _ordered(self) -> FilterSettings:
        if self.minimum_words > self.maximum_words:
            raise ValueError("minimum_words is greater than maximum_words")
        if self.minimum_mean_word_length > self.maximum_mean_word_length:
            raise ValueError("minimum_mean_word_length is greater than maximum_mean_word_length")
        return self


def empty(text: str, _settings: FilterSettings) -> str | None:
    """Nothing is left after extraction."""
    return None if text.strip() else "empty"


def unreadable(text: str, settings: FilterSettings) -> str | None:
    """Replacement characters, unassigned and private code points: a broken decoding."""
    bad = unreadable_characters(text)
    return "unreadable" if bad > settings.maximum_unreadable_fraction * len(text) else None


def length(text: str, settings: FilterSettings) -> str | None:
    """Too few or too many words (Gopher: 50 to 100,000)."""
    count = len(text.split())
    if count < settings.minimum_words:
        return "too_short"
    return "too_long" if count > settings.maximum_words else None


def mean_word_length(text: str, settings: FilterSettings) -> str | None:
    """Words too short or too long on average (Gopher: 3 to 10 characters)."""
    words = text.split()
    mean = sum(map(len, words)) / max(1, len(words))
    low, high = settings.minimum_mean_word_length, settings.maximum_mean_word_length
    return None if low <= mean <= high else "word_length"


def symbols(text: str, settings: FilterSettings) -> str | None:
    """Too many hash signs and ellipses per word (Gopher: 0.1), or of other symbol characters."""
    words = len(text.split())
    marks = text.count("#") + sum(text.count(mark) for mark in _ELLIPSIS)
    rare = sum(map(text.count, _SYMBOLS))
    limit = settings.maximum_symbol_fraction
    return "symbols" if marks > limit * words or rare > limit * len(text) else None


def letters(text: str, _settings: FilterSettings) -> str | None:
    """Fewer than 80 % of the words hold a letter (Gopher)."""
    words = text.split()
    with_letter = sum(word.isalpha() or any(map(str.isalpha, word)) for word in words)
    return "few_letters" if with_letter < 0.8 * len(words) else None


def duplicate_lines(text: str, settings: FilterSettings) -> str | None:
    """Too much of the text stands in lines that stood before (Gopher: 0.2; FineWeb: 0.1)."""
    seen: set[str] = set()
    repeated = total = 0
    for line in text.split("\n"):
        line = line.strip()
        if line in seen:
            repeated += len(line)
        total += len(line)
        seen.add(line)
    limit = settings.maximum_duplicate_line_fraction
    return "duplicate_lines" if repeated > limit * total else None


def list_lines(text: str, _settings: FilterSettings) -> str | None:
    """Over 90 % of lines begin with a bullet, or over 30 % end with an ellipsis (Gopher)."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) < 3:
        return None
    bullets = sum(line.startswith(_BULLETS) for line in lines)
    cut_off = sum(line.endswith(_ELLIPSIS) for line in lines)
    return "list_lines" if bullets > 0.9 * len(lines) or cut_off > 0.3 * len(lines) else None


def menu(text: str, _settings: FilterSettings) -> str | None:
    """Of ten lines or more, at least 67 % hold under 30 characters and at most 12 % end in a
    punctuation mark: a menu or a table, not verse or talk (FineWeb, both rules together)."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) < 10:
        return None
    short = sum(len(line) < _SHORT_LINE_CHARACTERS for line in lines)
    ended = sum(line.endswith(_PUNCTUATION) for line in lines)
    return "menu" if short >= 0.67 * len(lines) and ended <= 0.12 * len(lines) else None


def placeholder(text: str, _settings: FilterSettings) -> str | None:
    """Filler text of designers, "lorem ipsum" (C4)."""
    return "placeholder" if _PLACEHOLDER.search(text) else None


def stop_words(text: str, settings: FilterSettings) -> str | None:
    """An English text without two of the commonest words is a list or spam (Gopher)."""
    if settings.language != "en":
        return None
    words = set(text.casefold().split())
    return None if len(words & _STOP_WORDS) >= 2 else "stop_words"


Filter = Callable[[str, FilterSettings], str | None]

# Cheap ones first; the language, which costs most, is told last.
FILTERS: tuple[Filter, ...] = (
    empty,
    length,
    unreadable,
    mean_word_length,
    letters,
    symbols,
    duplicate_lines,
    list_lines,
    menu,
    placeholder,
)


def identify_language(text: str) -> tuple[str, float]:
    """The ISO 639-1 code of a text's language, and its probability among 97 languages.

    Naive Bayes over byte n-grams (langid: Lui & Baldwin 2012; py3langid), on at most 1,200
    characters from the start, the middle and the end, so that a book costs what a page costs.
    """
    size = _SAMPLE_CHARACTERS
    if len(text) > 3 * size:
        middle = (len(text) - size) // 2
        text = "\n".join((text[:size], text[middle : middle + size], text[-size:]))
    language, probability = _identifier().classify(text)
    return str(language), float(probability)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def judge(text: str, settings: FilterSettings) -> tuple[str | None, str, float]:
    """Ask every filter. Returns the first reason to drop or None, the language and its score.

    The language is "" with score 0 where an earlier filter has dropped the text. Reasons of the
    language: "language" where it is another one, "language_score" where it is too uncertain.
    """
    for keep_or_drop in FILTERS:
        reason = keep_or_drop(text, settings)
        if reason:
            return reason, "", 0.0
    language, score = identify_language(text)
    if language != settings.language:
        return "language", language, score
    if score < settings.minimum_language_score:
        return "language_score", language, score
    return stop_words(text, settings), language, score
