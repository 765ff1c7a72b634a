"""The words of a text, each different one once, found and counted by Arrow, or where short not."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_FIRST_UNSPACED = 0x0E00
_SHORT = 4000  # characters: below, calls of Arrow cost more than they save
# Letters of scripts that set no space between words, with the marks behind them: Thai and Lao,
# Burmese, Khmer, kana, Chinese characters.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff][^\w\s]*"
)


@dataclass(frozen=True)
class Words:
    """What white space sets apart, as `str.split` does; and each letter of a script without spaces,
    with the marks behind it, as Unicode's rules for words cut where no dictionary helps (UAX 29).

    different: the different words, in the order of first places. places: (n,) which of them each
    word of the text is. unspaced: how many words of the text are such letters.
    """

    different: pa.Array
    places: NDArray[np.int32]
    unspaced: int = 0

    @property
    def total(self) -> int:
        """How many words there are."""
        return len(self.places)

    @property
    def characters(self) -> int:
        """Characters in all words."""
        return int(self.lengths @ self.counts)

    @property
    def letter_words(self) -> int:
        """How many of all words hold a letter."""
        return int(self.counts[self.with_letter()].sum())

    def listed(self) -> list[str]:
        """The different words."""
        words: list[str] = self.different.to_pylist()
        return words

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """Characters of each different word."""
        lengths: NDArray[np.int32] = pc.utf8_length(self.different).to_numpy()
        return lengths

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each different word stands there."""
        return np.bincount(self.places, minlength=len(self.different))

    def with_letter(self) -> NDArray[np.bool_]:
        """Which of the different words hold a letter."""
        # Arrow knows fewer letters than Python, so that the few words without a plain one are
        # looked at again.
        found = pc.match_substring_regex(self.different, "[A-Za-z]").to_numpy(zero_copy_only=False)
        rest = np.flatnonzero(~found)
        if len(rest):
            found = found.copy()
            words = self.different.take(pa.array(rest)).to_pylist()
            found[rest] = [any(map(str.isalpha, word)) for word in words]
        return found

    def hold(self, words: tuple[str, ...]) -> list[bool]:
        """Which of some words are among them."""
        held = set(pc.index_in(self.different, value_set=_array(words)).drop_null().to_pylist())
        return [place in held for place in range(len(words))]


class FewWords:
    """The same of a short text, by Python's own means."""

    def __init__(self, words: list[str], unspaced: int = 0) -> None:
        self._words = words
        self._counted = Counter(words)  # in the order of first places
        self.unspaced = unspaced

    @property
    def total(self) -> int:
        """How many words there are."""
        return len(self._words)

    @property
    def characters(self) -> int:
        """Characters in all words."""
        return sum(map(len, self._words))

    @property
    def letter_words(self) -> int:
        """How many of all words hold a letter."""
        return sum(
            count
            for word, count in self._counted.items()
            if word.isalpha() or any(map(str.isalpha, word))
        )

    def listed(self) -> list[str]:
        """The different words."""
        return list(self._counted)

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Characters of each different word."""
        return np.fromiter(map(len, self._counted), np.int32, len(self._counted))

    @property
    def places(self) -> NDArray[np.int32]:
        """(n,) which of the different words each word of the text is."""
        numbers = {word: number for number, word in enumerate(self._counted)}
        return np.fromiter(map(numbers.__getitem__, self._words), np.int32, len(self._words))

    def hold(self, words: tuple[str, ...]) -> list[bool]:
        """Which of some words are among them."""
        return [word in self._counted for word in words]


@lru_cache(maxsize=8)
def _array(words: tuple[str, ...]) -> pa.Array:
    return pa.array(words, pa.string())


def find_words(text: str, *, short: int = _SHORT) -> Words | FewWords:
    """The words of a text, which holds no lone surrogates. short: up to so many characters by
    Python's own means."""
    bare = text.strip()  # at its ends Arrow would find empty words
    if not bare:
        return FewWords([])
    unspaced = 0
    if not bare.isascii():
        codes = np.frombuffer(bare.encode("utf-16-le"), dtype="<u2")
        if ((codes >= _FIRST_UNSPACED) & ((codes < 0x1800) | (codes > 0x3040))).any():
            bare, unspaced = _UNSPACED.subn(r" \g<0> ", bare)
            bare = bare.strip()
    if len(text) <= short:
        return FewWords(bare.split(), unspaced)
    coded = pc.utf8_split_whitespace(pa.array([bare])).values.dictionary_encode()
    return Words(coded.dictionary, coded.indices.to_numpy(), unspaced)
