"""Every reason to drop a document, each with one tiny text."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.filters import judge
from llm.corpus.filtering.reasons import Reason
from tests.corpus.conftest import changed

GOOD = (
    "The old man walked to the harbour and watched the boats come home with the evening tide.\n\n"
    "He had been a sailor for forty years, and the sea was the only friend that never lied to him."
)
WORDS = "house river garden window mother father sister brother little water summer winter"
FRENCH = "Le vieil homme marchait vers le port et regardait les bateaux rentrer le soir."


def verse(lines: int, ending: str) -> str:
    nouns = WORDS.split()
    return "\n".join(f"the {nouns[n]} of the {nouns[n - 1]}{ending}" for n in range(lines))


# The reason; a text with it; the settings that switch its rule on, where it is off by default.
DROPPED: dict[str, tuple[str, dict[str, Any]]] = {
    "empty": (" \n ", {}),
    "too_short": ("Too short.", {}),
    "too_long": ("the and of " * 100, {"maximum_words": 200}),
    "unreadable": (GOOD[:60] + "\ufffd\ufffd\ue000\ufffd\ufffd", {}),
    "word_length": ("a b c d e f g h i j k l m n o p", {}),
    "few_letters": ("the year 1984 1985 1986 1987 1988 1989 and 1990", {}),
    "symbols": ("#win #fun #sun #run the and of a #big #sale #today", {}),
    "digits": ("the a1984 b1985 c1986 d1987 e1988 f1989 and x1990", {}),
    "blocked_phrase": (GOOD + " A hidden\nPHRASE.", {"blocked_phrases": ["hidden phrase"]}),
    "bullets": ("- the apples of Kent\n- the pears and plums\n- the cherries to go", {}),
    "ellipses": (GOOD + "\n\nThe sea was the only friend that he had...", {}),
    "stop_words": (
        "Cheap watches, cheap shoes, cheap bags, cheap hats, buy watches online today",
        {},
    ),
    "duplicate_lines": (
        GOOD + "\nand so" * 3,
        {"gopher__maximum_duplicate_lines_fraction": 0.3},
    ),
    "duplicate_line_characters": ("The same line again and again.\n" * 5, {}),
    "duplicate_paragraphs": (
        GOOD + "\n\nand so" * 3,
        {"gopher__maximum_duplicate_paragraphs_fraction": 0.3},
    ),
    "duplicate_paragraph_characters": (
        GOOD + "\n\n" + GOOD,
        {"gopher__maximum_duplicate_paragraph_characters_fraction": 0.2},
    ),
    "common_ngram": (
        "old man is the friend of old man and of old man said old man to old man",
        {"gopher__maximum_common_ngram_fractions": [0.2, 0.18, 0.16]},
    ),
    "duplicate_ngrams": (
        GOOD + " He had been a sailor for forty years, and the sea was the only friend.",
        {"gopher__maximum_duplicate_ngram_fractions": [0.15, 0.14, 0.13, 0.12, 0.11, 0.10]},
    ),
    "placeholder": (GOOD + " Lorem ipsum dolor sit amet.", {}),
    "curly_brackets": (GOOD + " { }", {"pages__drop_curly_brackets": True}),
    "few_sentences": (GOOD, {"pages__minimum_sentences": 5}),
    "menu": (verse(12, ""), {}),
    "unended_lines": (verse(4, ""), {"pages__minimum_ended_lines_fraction": 0.12}),
    "short_lines": (verse(4, "."), {"pages__maximum_short_lines_fraction": 0.67}),
    "language": (FRENCH, {}),
    "language_score": (GOOD, {"minimum_language_score": 1.0}),
}
# Judged by the model of the corpus, see test_perplexity.
ELSEWHERE = {"perplexity"}


@pytest.fixture
def settings(config):
    return config.filters


def reason(text, settings):
    return judge(Facts(text), settings).reason


@pytest.mark.parametrize("name", DROPPED)
def test_reason(name, settings):
    text, values = DROPPED[name]
    assert reason(text, changed(settings, **values)) == name
    if values:
        assert reason(text, settings) is None


def test_every_reason_has_its_text():
    assert set(DROPPED) | ELSEWHERE == set(get_args(Reason))


def test_a_good_text_passes_with_every_published_limit_on(settings):
    published = {
        "maximum_words": 100_000,
        "gopher__minimum_mean_word_length": 3.0,
        "gopher__maximum_mean_word_length": 10.0,
        "gopher__maximum_duplicate_lines_fraction": 0.3,
        "gopher__maximum_duplicate_paragraphs_fraction": 0.3,
        "gopher__maximum_duplicate_line_characters_fraction": 0.1,
        "gopher__maximum_duplicate_paragraph_characters_fraction": 0.2,
        "gopher__maximum_common_ngram_fractions": [0.2, 0.18, 0.16],
        "gopher__maximum_duplicate_ngram_fractions": [0.15, 0.14, 0.13, 0.12, 0.11, 0.10],
        "pages__drop_curly_brackets": True,
        "pages__minimum_ended_lines_fraction": 0.12,
        "pages__maximum_short_lines_fraction": 0.67,
        "pages__minimum_sentences": 2,
        "blocked_phrases": ["harbours"],
    }
    verdict = judge(Facts(GOOD), changed(settings, **published))
    assert (verdict.reason, verdict.language) == (None, "en")
    assert verdict.score > 0.9


def test_rules_can_be_off(settings):
    off: dict[str, dict[str, Any]] = {
        "few_letters": {"gopher__minimum_letter_words_fraction": None},
        "digits": {"maximum_digit_fraction": None},
        "bullets": {"gopher__maximum_bullet_lines_fraction": None},
        "ellipses": {"gopher__maximum_ellipsis_lines_fraction": None},
        "duplicate_line_characters": {"gopher__maximum_duplicate_line_characters_fraction": None},
        "menu": {"pages__drop_menus": False},
        "placeholder": {"pages__drop_placeholders": False},
    }
    for name, values in off.items():
        assert reason(DROPPED[name][0], changed(settings, **values)) != name


def test_blocked_phrases_are_whole_words(settings):
    strict = changed(settings, blocked_phrases=["arbour", "evening tide"])
    assert reason(GOOD, strict) == "blocked_phrase"
    assert reason(GOOD, changed(settings, blocked_phrases=["arbour", "C++"])) is None


def test_stop_words_are_asked_of_english_only(settings):
    assert reason(FRENCH, changed(settings, language="fr")) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"minimum_words": 5_000_000}, "minimum_words is greater"),
        ({"gopher__minimum_mean_word_length": 20.0}, "minimum_mean_word_length is greater"),
        ({"blocked_phrases": [" "]}, "blocked_phrases holds an empty one"),
        ({"gopher__maximum_common_ngram_fractions": [0.2, 0.1, 1.1]}, "outside 0 to 1"),
        ({"gopher__maximum_common_ngram_fractions": [0.2]}, "at least 3"),
    ],
)
def test_limits_are_checked(settings, values, message):
    with pytest.raises(ValidationError, match=message):
        changed(settings, **values)
