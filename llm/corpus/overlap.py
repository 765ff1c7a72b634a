"""Hashes of the word n-grams of a stream of texts, many texts at once, and where they stand.

Words are what deduplication compares: letters and digits alone, in lower case, without accents;
a Chinese character or a Japanese kana is a word of its own, since no space sets words off there.
Wide and other compatible forms of a letter (Unicode's NFKD, where that is one letter) are the same.
A hash has 64 bits: among a million n-grams sought and a billion words read, about one chance in
twenty thousand of a single false match.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]

_BATCH_CHARACTERS = 1 << 17  # read at once: the arrays of one batch stay in the processor's cache
_FIRST_ALONE = 0x3041  # no character below is a word of its own, see _standing_alone
_SEPARATOR, _MARK = 0, 1  # of the folded characters; neither folds from a letter or a digit
# Odd numbers, so that powers can be undone modulo 2^64; the golden ratio's and those of
# MurmurHash3's finalisers (Appleby 2011), whose bits are well spread.
_LETTER_BASE = 0x9E3779B97F4A7C15
_WORD_BASE = 0xC4CEB9FE1A85EC53
_SPREAD = np.uint64(0xFF51AFD7ED558CCD)


@dataclass(frozen=True, eq=False)
class Words:
    """Consecutive words, (words,) each: hash, number of its text, first and last character + 1."""

    hashes: Hashes
    texts: Numbers
    starts: Numbers
    stops: Numbers

    def __len__(self) -> int:
        return len(self.hashes)

    def last(self, count: int) -> Words:
        """The last `count` words, or all where there are fewer."""
        at = max(0, len(self) - count)
        return Words(self.hashes[at:], self.texts[at:], self.starts[at:], self.stops[at:])


def joined(batches: Iterable[Words]) -> Words:
    """The words of several batches, in order."""
    parts = [_NO_WORDS, *batches]
    return Words(
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.texts for part in parts]),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.stops for part in parts]),
    )


def read_words(texts: Iterable[str], *, overlap: int = 0) -> Iterator[Words]:
    """The words of texts, numbered from 0, in batches; memory holds one, however long a text is.

    overlap: each batch begins with so many of the last words of the one before it, so that every
    run of overlap + 1 words stands in one batch.
    """
    before = _NO_WORDS
    for pieces in _batches(texts):
        batch = joined((before.last(overlap) if overlap else _NO_WORDS, _words(pieces)))
        yield batch
        before = batch


def runs(words: Words, longest: int) -> Iterator[tuple[int, Hashes]]:
    """For every length from 1 on: the length, and the hash of the run that starts at each word.

    A run may reach into the next text: see `in_one_text`. The array is used again for the next
    length.
    """
    base = np.uint64(_WORD_BASE)
    hashes = words.hashes.copy()
    for length in range(1, min(longest, len(words)) + 1):
        if length > 1:
            hashes = hashes[:-1]
            hashes *= base
            hashes += words.hashes[length - 1 :]
        yield length, hashes


def in_one_text(words: Words, at: Numbers, length: int) -> NDArray[np.bool_]:
    """Which of the runs of `length` words from the words `at` on lie in one text."""
    return words.texts[at] == words.texts[at + length - 1]


_Piece = tuple[int, int, str]  # number of the text, where the piece begins in it, the piece


def _batches(texts: Iterable[str]) -> Iterator[list[_Piece]]:
    pieces: list[_Piece] = []
    size = 0
    for number, text in enumerate(texts):
        start = 0
        while start < len(text):
            stop = _border(text, start)
            pieces.append((number, start, text[start:stop]))
            size += stop - start + 1
            start = stop
            if size >= _BATCH_CHARACTERS:
                yield pieces
                pieces, size = [], 0
    if pieces:
        yield pieces


def _border(text: str, start: int) -> int:
    """Where a piece that begins at `start` ends: with the text, else at white space."""
    stop = start + _BATCH_CHARACTERS
    if stop >= len(text):
        return len(text)
    place = max(text.rfind(mark, start + 1, stop) for mark in (" ", "\n"))
    return place if place > start else stop


def _words(pieces: list[_Piece]) -> Words:
    whole = "\n".join(piece for _, _, piece in pieces) + "\n"
    folded = _folding()[np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), dtype="<u4")]
    places = None
    if (folded == _MARK).any():
        places = np.flatnonzero(folded != _MARK)
        folded = folded[places]
    starts, stops = _borders(folded)
    hashes = _word_hashes(folded, starts, stops)
    if places is not None:
        starts, stops = places[starts], places[stops - 1] + 1
    lengths = np.array([len(piece) + 1 for _, _, piece in pieces])
    begins = np.cumsum(lengths) - lengths
    piece = np.searchsorted(begins, starts, side="right") - 1
    moved = (np.array([offset for _, offset, _ in pieces]) - begins)[piece]
    numbers = np.array([number for number, _, _ in pieces])[piece]
    return Words(hashes, numbers, starts + moved, stops + moved)


def _borders(folded: NDArray[np.uint32]) -> tuple[Numbers, Numbers]:
    """Where words begin and end among folded characters, of which the last is a separator."""
    inside = folded != _SEPARATOR
    edge = inside[1:] != inside[:-1]
    if folded.max() < _FIRST_ALONE:
        edges = np.flatnonzero(edge) + 1
        if inside[0]:
            edges = np.concatenate(([0], edges))
        return edges[::2], edges[1::2]
    alone = _standing_alone()[folded]
    edge |= alone[1:] | alone[:-1]
    edge = np.concatenate(([True], edge))
    starts = np.flatnonzero(edge & inside)
    stops = np.flatnonzero(edge[1:] & inside[:-1]) + 1
    return starts, stops


def _word_hashes(folded: NDArray[np.uint32], starts: Numbers, stops: Numbers) -> Hashes:
    """Polynomials in the letters, modulo 2^64, as differences of one running sum (Rabin & Karp
    1987), then spread, so that sums of words are not polynomials in their letters again."""
    powers, inverses = _powers()
    sums = np.zeros(len(folded) + 1, dtype=np.uint64)
    np.cumsum(folded * powers[: len(folded)], out=sums[1:])
    hashes: Hashes = (sums[stops] - sums[starts]) * inverses[starts]
    for _ in range(2):
        hashes ^= hashes >> np.uint64(32)
        hashes *= _SPREAD
    hashes ^= hashes >> np.uint64(32)
    return hashes


@functools.cache
def _powers() -> tuple[Hashes, Hashes]:
    """The powers of the base and of its inverse modulo 2^64, as many as a batch has characters."""
    count = 2 * _BATCH_CHARACTERS + 2

    def table(base: int) -> Hashes:
        factors = np.full(count, base, dtype=np.uint64)
        factors[0] = 1
        return np.cumprod(factors, dtype=np.uint64)

    return table(_LETTER_BASE), table(pow(_LETTER_BASE, -1, 2**64))


@functools.cache
def _standing_alone() -> NDArray[np.bool_]:
    """Which characters are a word each: Chinese ones, hiragana and katakana."""
    table = np.zeros(sys.maxunicode + 1, dtype=np.bool_)
    for code in range(_FIRST_ALONE, sys.maxunicode + 1):
        name = unicodedata.name(chr(code), "")
        table[code] = name.startswith(
            ("CJK UNIFIED", "CJK COMPATIBILITY IDEO", "HIRAGANA LETTER", "KATAKANA LETTER")
        )
    return table


@functools.cache
def _folding() -> NDArray[np.uint32]:
    """Every character's lower case without accent; separators and combining marks told apart."""
    table = np.full(sys.maxunicode + 1, _SEPARATOR, dtype=np.uint32)
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        kind = unicodedata.category(letter)[0]
        if kind == "M":
            table[code] = _MARK
        elif kind in "LN":
            bare = [
                c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c)
            ]
            lower = (bare[0] if len(bare) == 1 else letter).lower()
            table[code] = ord(lower) if len(lower) == 1 else code
    return table


_NO_WORDS = Words(np.zeros(0, dtype=np.uint64), *(np.zeros(0, dtype=np.int64) for _ in range(3)))
