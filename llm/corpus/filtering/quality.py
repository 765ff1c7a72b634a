"""One number for how good a text is, cheap and always the same: it picks a cluster's survivor."""

from __future__ import annotations

from llm.corpus.filtering.facts import Facts
from llm.corpus.punctuation import CLOSING, SENTENCE_ENDS

_ENDS = tuple(SENTENCE_ENDS + CLOSING + "…:;")
# As many characters without a meaning as this leave nothing of the score.
_HOPELESS_FRACTION = 0.05
_DIGITS = 4


def quality(facts: Facts, *, language_score: float) -> float:
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
    words, characters = facts.word_count, sum(map(len, facts.lines))
    if not words:
        return 0.0
    score = (
        language_score
        * (facts.words_with_letter / words)
        * (1 - facts.line_repeats[1])
        * (0.5 + 0.5 * facts.ended_line_characters(_ENDS) / characters)
        * max(0.0, 1 - facts.unreadable_characters / len(facts.text) / _HOPELESS_FRACTION)
    )
    return round(min(1.0, max(0.0, score)), _DIGITS)
