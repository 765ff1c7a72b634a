"""Near-duplicates among short texts, found exactly: an all-pairs join by Jaccard similarity."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

_NOT_A_WORD = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+")
# Kana and Chinese characters, which no space sets off from one another.
_ALONE = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def normalise(text: str, *, mask_numbers: bool = False) -> str:
    """Case, punctuation, spacing and Unicode variants removed; words joined by one space.

    mask_numbers: every run of digits becomes one 0, so that texts which differ in a telephone
    number or a sum of money are alike. A text of punctuation alone keeps its characters.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _NOT_A_WORD.sub(" ", folded).strip() or " ".join(folded.split())
    return _NUMBER.sub("0", words) if mask_numbers else words


def character_shingles(text: str, length: int = 4) -> frozenset[str]:
    """The runs of `length` characters of a text, its ends marked; at least one."""
    marked = f" {text} "
    return frozenset(
        marked[start : start + length] for start in range(max(1, len(marked) - length + 1))
    )


def word_pairs(text: str) -> frozenset[str]:
    """The pairs of neighbouring words, the ends of the text counting as words: order matters.
    A Chinese character or a kana is a word."""
    words = ["", *_ALONE.sub(r" \g<0> ", text).split(), ""]
    return frozenset(" ".join(pair) for pair in pairwise(words))


def clusters(shingles: Sequence[frozenset[str]], *, similarity: float) -> list[int]:
    """Group texts whose shingles have a Jaccard similarity of at least `similarity`, chained.

    Returns per text the index of the first text of its cluster. Exact: every pair that could
    reach the similarity is compared. Two sets that similar share one of their rarest
    `size - ceil(similarity * size) + 1` shingles, so only those are indexed (prefix filtering:
    Chaudhuri et al. 2006; Bayardo et al. 2007).
    """
    if not 0.0 < similarity <= 1.0:
        raise ValueError(f"similarity must lie in (0, 1], found {similarity}")
    frequency = Counter(shingle for text in shingles for shingle in text)
    parents = list(range(len(shingles)))
    holders: defaultdict[str, list[int]] = defaultdict(list)
    first_of: dict[frozenset[str], int] = {}
    for index in sorted(range(len(shingles)), key=lambda i: (len(shingles[i]), i)):
        text = shingles[index]
        if text in first_of:  # the same set again: nothing to compare
            _join(parents, index, first_of[text])
            continue
        first_of[text] = index
        size = len(text)
        least = math.ceil(similarity * size - 1e-9)
        rarest = sorted(text, key=lambda shingle: (frequency[shingle], shingle))
        for other in sorted({o for s in rarest[: size - least + 1] for o in holders[s]}):
            if len(shingles[other]) < least or _root(parents, index) == _root(parents, other):
                continue
            shared = len(text & shingles[other])
            if shared >= similarity * (size + len(shingles[other]) - shared) - 1e-9:
                _join(parents, index, other)
        for shingle in rarest[: size - least + 1]:
            holders[shingle].append(index)
    return [_root(parents, index) for index in range(len(shingles))]


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _join(parents: list[int], one: int, other: int) -> None:
    one, other = _root(parents, one), _root(parents, other)
    parents[max(one, other)] = min(one, other)
