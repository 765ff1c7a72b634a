"""What filters ask of a text: its words, lines and repetitions, each found once and kept."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm.corpus.filtering.repetitions import Numbered

_ASCII = re.compile(r"[\x00-\x7f]+")
_LETTER = re.compile(r"[^\W\d_]")


def sample(text: str, characters: int) -> str:
    """A text of at most three times so many characters: its start, middle and end."""
    if len(text) <= 3 * characters:
        return text
    middle = (len(text) - characters) // 2
    return "\n".join((text[:characters], text[middle : middle + characters], text[-characters:]))


class Facts:
    """A normalised text (see llm.corpus.extraction.extract), and what is known of it.

    Words are what white space sets apart. Lines and paragraphs are the ones that hold something.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def words(self) -> list[str]:
        """The words in order."""
        return self.text.split()

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each different word stands there, in the order of first places."""
        return Counter(self.words)

    @cached_property
    def word_characters(self) -> int:
        """Characters in words: all but white space."""
        return sum(map(len, self.words))

    @cached_property
    def words_with_letter(self) -> int:
        """How many words hold a letter."""
        return sum(
            count
            for word, count in self.counts.items()
            if word.isalpha() or _LETTER.search(word) is not None
        )

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
    def unreadable_characters(self) -> int:
        """How many characters are replacement characters, or private or unassigned ones."""
        if self.text.isascii():
            return 0
        rest = _ASCII.sub("", self.text)
        return sum(
            rest.count(character)
            for character in set(rest)
            if character == "\ufffd" or unicodedata.category(character) in ("Cn", "Co", "Cs")
        )

    def ended_line_characters(self, ends: tuple[str, ...]) -> int:
        """Characters in lines that end in one of these marks."""
        return sum(len(line) for line in self.lines if line.endswith(ends))

    @cached_property
    def _numbered(self) -> Numbered:
        from llm.corpus.filtering.repetitions import number_words

        return number_words(self.words, self.counts)

    def common_ngram_fraction(self, size: int) -> float:
        """The fraction of characters in the commonest n-gram of words, see repetitions."""
        from llm.corpus.filtering.repetitions import common_ngram_fraction

        return common_ngram_fraction(self._numbered, size)

    def duplicate_ngram_fractions(self, sizes: Iterable[int]) -> dict[int, float]:
        """Per size, the fraction of characters in n-grams that stood before, see repetitions."""
        from llm.corpus.filtering.repetitions import duplicate_ngram_fractions

        return duplicate_ngram_fractions(self._numbered, sizes)


def _repeats(parts: list[str]) -> tuple[float, float]:
    characters = sum(map(len, parts))
    different = dict.fromkeys(parts)
    if len(different) == len(parts) or not characters:
        return 0.0, 0.0
    first = sum(map(len, different))
    return 1 - len(different) / len(parts), 1 - first / characters
