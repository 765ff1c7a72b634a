"""One number for how good a text is, cheap and always the same: it picks a cluster's survivor."""

from __future__ import annotations

import re
import unicodedata

_ENDS = tuple(".!?…:;\"'”’»)]。！？")
_LETTER = re.compile(r"[^\W\d_]")
# As many characters without a meaning as this leave nothing of the score.
_HOPELESS_FRACTION = 0.05
_DIGITS = 4


def quality(text: str, *, language_score: float) -> float:
    """Score a cleaned text from 0 (worst) to 1, rounded to four digits so that noise decides
    nothing.

    The product of what is right with it, so that each fault takes its share off:
    - language_score: the probability of its language (CCNet, Wenzek et al. 2020, section 3);
    - the share of words with a letter (Gopher, Rae et al. 2021, table A1);
    - one less the share of characters in lines that stood before (Gopher, table A1);
    - half, and half the share of characters in lines that end in punctuation (C4, Raffel et al.
      2020, section 2.2; half, for verse is no fault);
    - one less twenty times the share of characters without a meaning, as a broken decoding
      leaves them: replacement characters, private and unassigned code points.
    An empty text has 0.
    """
    words = text.split()
    if not words:
        return 0.0
    with_letter = sum(word.isalpha() or bool(_LETTER.search(word)) for word in words)
    repeated, ended, total = _lines(text)
    unreadable = unreadable_characters(text) / len(text)
    score = (
        language_score
        * (with_letter / len(words))
        * (1 - repeated / total)
        * (0.5 + 0.5 * ended / total)
        * max(0.0, 1 - unreadable / _HOPELESS_FRACTION)
    )
    return round(min(1.0, max(0.0, score)), _DIGITS)


def unreadable_characters(text: str) -> int:
    """How many characters are replacement characters, or private or unassigned code points."""
    if text.isascii():
        return 0
    return sum(
        text.count(character)
        for character in set(text)
        if character == "\ufffd" or unicodedata.category(character) in ("Cn", "Co", "Cs")
    )


def _lines(text: str) -> tuple[int, int, int]:
    """Characters in lines that stood before, in lines that end in punctuation, and in all."""
    seen: set[str] = set()
    repeated = ended = total = 0
    for line in text.split("\n"):
        line = line.strip()
        total += len(line)
        if line in seen:
            repeated += len(line)
        seen.add(line)
        if line.endswith(_ENDS):
            ended += len(line)
    return repeated, ended, total
