"""What filters ask of a text: its words, lines and repetitions, each found once and kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm.corpus.filtering.repetitions import Numbered
    from llm.corpus.filtering.words import FewWords, Words

_ASCII = re.compile(r"[\x00-\x7f]+")


def sample(text: str, characters: int) -> str:
    """A text of at most three times so many characters: its start, middle and end."""
    if len(text) <= 3 * characters:
        return text
    middle = (len(text) - characters) // 2
    return "\n".join((text[:characters], text[middle : middle + characters], text[-characters:]))


class Facts:
    """A normalised text (see llm.corpus.extraction.extract), and what is known of it.

    Words are what white space sets apart, and letters of scripts without spaces (see words); peers
    that tell punctuation from words count some more. Lines and paragraphs are the ones that hold
    something.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def encoded(self) -> bytes:
        """The text as UTF-8."""
        return self.text.encode("utf-8")

    def ascii_characters(self, which: bytes) -> int:
        """How many characters are among these ASCII ones; bytes tell it in one pass."""
        return len(self.encoded) - len(self.encoded.translate(None, which))

    @cached_property
    def _words(self) -> Words | FewWords:
        from llm.corpus.filtering.words import find_words

        return find_words(self.text)

    @property
    def word_count(self) -> int:
        """How many words there are."""
        return self._words.total

    @cached_property
    def word_characters(self) -> int:
        """Characters in words: all but white space."""
        return self._words.characters

    @property
    def is_unspaced(self) -> bool:
        """Whether most words are letters of a script without spaces."""
        return 2 * self._words.unspaced > self.word_count

    @cached_property
    def words_with_letter(self) -> int:
        """How many words hold a letter."""
        return self._words.letter_words

    def holds(self, words: Sequence[str]) -> list[bool]:
        """Which of some words stand there."""
        return self._words.hold(tuple(words))

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without white space around them."""
        return [stripped for line in self.text.split("\n") if (stripped := line.strip())]

    @cached_property
    def line_repeats(self) -> tuple[float, float]:
        """The fraction of lines that stood before, and of their characters."""
        return _repeats(self.lines)

    @cached_property
    def paragraph_repeats(self) -> tuple[float, float]:
        """The fraction of paragraphs that stood before, and of their characters."""
        return _repeats([part for part in self.text.split("\n\n") if part.strip()])

    @cached_property
    def lowered(self) -> str:
        """The text without capitals."""
        return self.text.lower()

    @cached_property
    def vocabulary(self) -> str:
        """The different words without capitals, one per line; the text, where letters are words."""
        if self._words.unspaced:
            return self.lowered
        return "\n".join(self._words.listed()).lower()

    @cached_property
    def digits(self) -> int:
        """How many characters are decimal digits, of any script."""
        plain = self.ascii_characters(b"0123456789")
        return plain + self._count(str.isdecimal)

    @cached_property
    def unreadable_characters(self) -> int:
        """How many characters are replacement characters, or private or unassigned ones."""
        return self._count(_is_unreadable)

    @cached_property
    def _beyond_ascii(self) -> str:
        return "" if self.text.isascii() else _ASCII.sub("", self.text)

    def _count(self, wanted: Callable[[str], bool]) -> int:
        rest = self._beyond_ascii
        return sum(rest.count(character) for character in set(rest) if wanted(character))

    def ended_line_characters(self, ends: tuple[str, ...]) -> int:
        """Characters in lines that end in one of these marks."""
        return sum(len(line) for line in self.lines if line.endswith(ends))

    @cached_property
    def _numbered(self) -> Numbered:
        from llm.corpus.filtering.repetitions import number_words

        return number_words(self._words.places, self._words.lengths)

    def common_ngram_over(self, limits: Mapping[int, float]) -> tuple[int, float] | None:
        """The first size whose commonest n-gram is over its limit, and its fraction of the
        characters; see repetitions. limits: by rising size."""
        from llm.corpus.filtering.repetitions import common_ngram_fraction, common_ngrams_over

        if not common_ngrams_over(self._numbered, limits):
            return None
        found = ((size, common_ngram_fraction(self._numbered, size)) for size in limits)
        return next((size, fraction) for size, fraction in found if fraction > limits[size])

    def duplicate_ngrams_over(self, limits: Mapping[int, float]) -> tuple[int, float] | None:
        """The first size of which n-grams that stood before are over their limit, and their
        fraction of the characters; see repetitions. limits: by rising size."""
        from llm.corpus.filtering.repetitions import duplicate_ngram_fractions as fractions_of
        from llm.corpus.filtering.repetitions import duplicate_ngrams_over

        if not duplicate_ngrams_over(self._numbered, limits):
            return None
        found = fractions_of(self._numbered, limits)
        return next((size, found[size]) for size in limits if found[size] > limits[size])


def _is_unreadable(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Cn", "Co", "Cs")


def _repeats(parts: list[str]) -> tuple[float, float]:
    characters = sum(map(len, parts))
    different = dict.fromkeys(parts)
    if len(different) == len(parts) or not characters:
        return 0.0, 0.0
    first = sum(map(len, different))
    return 1 - len(different) / len(parts), 1 - first / characters
