"""Every reason to drop a document, each with one tiny text."""

from typing import Any

import pytest
from pydantic import ValidationError

from llm.corpus.filters import FILTERS, FilterSettings, identify_language, judge

LIMITS: dict[str, Any] = {
    "language": "en",
    "minimum_language_score": 0.5,
    "minimum_words": 5,
    "maximum_words": 200,
    "minimum_mean_word_length": 2.5,
    "maximum_mean_word_length": 12.0,
    "maximum_symbol_fraction": 0.1,
    "maximum_duplicate_line_fraction": 0.3,
    "maximum_unreadable_fraction": 0.05,
}
SETTINGS = FilterSettings(**LIMITS)
GOOD = (
    "The old man walked to the harbour and watched the boats come home with the evening tide.\n\n"
    "He had been a sailor for forty years, and the sea was the only friend that never lied to him."
)

DROPPED = {
    "empty": " \n ",
    "too_short": "Too short.",
    "too_long": "the and of " * 100,
    "unreadable": GOOD[:60] + "\ufffd\ufffd\ue000\ufffd\ufffd",
    "word_length": "a b c d e f g h i j k l m n o p",
    "few_letters": "the year 1984 1985 1986 1987 1988 1989 and 1990",
    "symbols": "#win #fun #sun #run the and of a #big #sale #today",
    "duplicate_lines": "The same line again and again.\n" * 5,
    "list_lines": "- the apples of Kent\n- the pears and plums\n- the cherries to go",
    "menu": "\n".join(f"menu entry number{letter}" for letter in "abcdefghijkl"),
    "placeholder": GOOD + " Lorem ipsum dolor sit amet.",
    "language": "Le vieil homme marchait vers le port et regardait les bateaux rentrer le soir.",
    "stop_words": "Cheap watches, cheap shoes, cheap bags, cheap hats, buy watches online today",
}


@pytest.mark.parametrize(("reason", "text"), DROPPED.items(), ids=DROPPED)
def test_reason(reason, text):
    assert judge(text, SETTINGS)[0] == reason


def test_uncertain_language():
    strict = FilterSettings(**{**LIMITS, "minimum_language_score": 1.0})
    assert judge(GOOD, strict)[0] == "language_score"


def test_a_good_text_is_kept_with_its_language():
    reason, language, score = judge(GOOD, SETTINGS)
    assert (reason, language) == (None, "en")
    assert score > 0.9


def test_every_filter_has_a_source_or_a_reason_in_words():
    assert all(keep_or_drop.__doc__ for keep_or_drop in FILTERS)
    assert all(keep_or_drop(GOOD, SETTINGS) is None for keep_or_drop in FILTERS)


def test_stop_words_are_asked_of_english_only():
    french = FilterSettings(**{**LIMITS, "language": "fr"})
    assert judge(DROPPED["language"], french)[0] is None


def test_the_language_of_a_long_text_is_told_from_samples():
    middle = "Der alte Mann ging zum Hafen und sah den Booten zu. " * 2000
    assert identify_language(middle)[0] == "de"


def test_limits_must_be_ordered():
    with pytest.raises(ValidationError, match="minimum_words is greater"):
        FilterSettings(**{**LIMITS, "minimum_words": 500})
    with pytest.raises(ValidationError, match="minimum_mean_word_length is greater"):
        FilterSettings(**{**LIMITS, "minimum_mean_word_length": 20.0})
