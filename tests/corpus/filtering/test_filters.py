"""Every reason to drop a document, each with one tiny text."""

import time
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.filters import blocked_phrases, judge
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
    "symbol_words": ("the win of the sun and #run of #today", {}),
    "symbols": ("<b>the</b> <b>cat</b> and <b>the</b> <b>dog</b>", {}),
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
    "list": (verse(4, "."), {"pages__maximum_line_ends_per_word": 0.1}),
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


# What switches off the rules that are on by default.
OFF: dict[str, dict[str, Any]] = {
    "too_short": {"minimum_words": 0},
    "too_long": {"maximum_words": None},
    "unreadable": {"maximum_unreadable_fraction": None},
    "word_length": {"gopher__minimum_mean_word_length": 0.0},
    "few_letters": {"gopher__minimum_letter_words_fraction": None},
    "symbol_words": {"gopher__maximum_symbols_per_word": None},
    "symbols": {"maximum_symbol_fraction": None},
    "digits": {"maximum_digit_fraction": None},
    "bullets": {"gopher__maximum_bullet_lines_fraction": None},
    "ellipses": {"gopher__maximum_ellipsis_lines_fraction": None},
    "stop_words": {"gopher__minimum_stop_words": 0},
    "duplicate_line_characters": {"gopher__maximum_duplicate_line_characters_fraction": None},
    "menu": {"pages__drop_menus": False},
    "placeholder": {"pages__drop_placeholders": False},
    "language": {"language": None},
    "language_score": {"minimum_language_score": 0.0},
}


@pytest.mark.parametrize("name", DROPPED)
def test_every_rule_but_the_empty_text_can_be_off(name, settings):
    text, values = DROPPED[name]
    if name == "empty":
        return
    assert values or name in OFF
    verdict = judge(Facts(text), changed(settings, **OFF.get(name, {})))
    assert name not in [finding.reason for finding in verdict.findings]


@pytest.mark.parametrize("name", DROPPED)
def test_a_finding_says_what_was_measured_and_against_what(name, settings):
    text, values = DROPPED[name]
    finding = judge(Facts(text), changed(settings, **values)).findings[0]
    over = {"too_long", "symbols", "symbol_words", "digits", "unreadable", "bullets", "ellipses"}
    if name in over or "ngram" in name or "duplicate" in name:
        assert finding.limit is not None
        assert finding.measured > finding.limit
    if name in {"too_short", "few_letters", "stop_words", "few_sentences", "language_score"}:
        assert finding.limit is not None
        assert finding.measured < finding.limit
    found = {"blocked_phrase": "hidden phrase", "language": "fr", "language_score": "en"}
    found |= {"common_ngram": "2-gram", "duplicate_ngrams": "5-grams"}
    assert finding.found == found.get(name, "")


def test_every_rule_is_asked_of_a_text_that_one_has_dropped(settings):
    text = "lorem ipsum a b c d e f g h i 1 2 3 4"
    reasons = [finding.reason for finding in judge(Facts(text), settings).findings]
    assert reasons[:4] == ["word_length", "few_letters", "placeholder", "language"]
    assert judge(Facts(" "), settings).findings == (("empty", 0, 1, ""),)


# Each rule at its limit and one step beyond: the setting, the value; a text at it, one beyond it.
LINES = "The sea was calm and the wind was with us.\n"
AT_LIMITS: dict[str, tuple[dict[str, Any], str, str]] = {
    "too_short": ({"minimum_words": 5}, "one of the sea dogs", "one of the sea"),
    "too_long": ({"maximum_words": 5}, "one of the sea dogs", "one of the sea dogs to"),
    "word_length": (
        {"gopher__minimum_mean_word_length": 3.0, "gopher__maximum_mean_word_length": 3.0},
        "the sea and the dog",
        "the sea and the dogs",
    ),
    "few_letters": ({"gopher__minimum_letter_words_fraction": 0.8}, "a b c d 5", "a b c d 5 6"),
    "symbol_words": (
        {"gopher__maximum_symbols_per_word": 0.2},
        "the #sea of the... deep",
        "#a #b c d e",
    ),
    "symbols": ({"maximum_symbol_fraction": 0.1}, "| the sea ", "|| the sea"),
    "digits": ({"maximum_digit_fraction": 0.1}, "1 the sea ", "\u0661\u0662 the se"),
    "bullets": ({"gopher__maximum_bullet_lines_fraction": 0.5}, "- a\n- b\nc\nd", "- a\n- b\nc"),
    "ellipses": ({"gopher__maximum_ellipsis_lines_fraction": 0.5}, "a…\nb...\nc\nd", "a…\nb…\nc"),
    "stop_words": ({"gopher__minimum_stop_words": 2}, "to the sea we go now", "the sea calls us"),
    "duplicate_lines": (
        {"gopher__maximum_duplicate_lines_fraction": 0.25},
        "a\na\nb\nc",
        "a\na\nb",
    ),
    "duplicate_line_characters": (
        {"gopher__maximum_duplicate_line_characters_fraction": 0.25},
        "a\na\nb\nc",
        "a\na\nb",
    ),
    "duplicate_paragraphs": (
        {"gopher__maximum_duplicate_paragraphs_fraction": 0.25},
        "a\n\na\n\nb\n\nc",
        "a\n\na\n\nb",
    ),
    "few_sentences": ({"pages__minimum_sentences": 2}, "A. “B!”", "A 1.5 B."),
    "unended_lines": ({"pages__minimum_ended_lines_fraction": 0.4}, "a.\nb", "a.\nb.\nc\nd\ne"),
    "short_lines": ({"pages__maximum_short_lines_fraction": 0.6}, f"a\n{LINES}", f"a\nb\n{LINES}"),
    "list": ({"pages__maximum_line_ends_per_word": 0.25}, "a b\nc d", "a b\nc"),
}


@pytest.mark.parametrize("name", AT_LIMITS)
def test_a_text_at_a_limit_is_kept_and_one_beyond_it_is_not(name, settings):
    values, at, beyond = AT_LIMITS[name]
    if name == "short_lines":
        values = {"pages__maximum_short_lines_fraction": 2 / 3}
    strict = changed(settings, **({"minimum_words": 0} | values))
    assert name not in [finding.reason for finding in judge(Facts(at), strict).findings]
    assert name in [finding.reason for finding in judge(Facts(beyond), strict).findings]


def test_blocked_phrases_are_whole_words(settings):
    strict = changed(settings, blocked_phrases=["arbour", "Evening Tide"])
    assert reason(GOOD, strict) == "blocked_phrase"
    assert reason(GOOD.upper(), strict) == "blocked_phrase"
    assert reason(GOOD, changed(settings, blocked_phrases=["arbour", "C++"])) is None
    assert reason(GOOD + " C++!", changed(settings, blocked_phrases=["C++"])) == "blocked_phrase"


def test_hundreds_of_blocked_phrases_cost_little(settings):
    strict = changed(settings, blocked_phrases=[f"phrase{n} of it" for n in range(500)])
    facts = Facts(GOOD * 5000)
    begun = time.process_time()
    assert list(blocked_phrases(facts, strict)) == []
    assert time.process_time() - begun < 2


CHINESE = "老人走到港口，看着船只在傍晚归来。他做了四十年水手，大海是唯一没有骗过他的朋友。" * 2


def test_texts_without_spaces_are_judged(settings):
    chinese = changed(settings, language="zh", pages__minimum_sentences=4)
    verdict = judge(Facts(CHINESE), chinese)
    assert (verdict.reason, verdict.language) == (None, "zh")
    assert reason(CHINESE, changed(chinese, minimum_words=100)) == "too_short"
    assert reason(CHINESE, changed(chinese, blocked_phrases=["四十年"])) == "blocked_phrase"
    assert reason("，".join(CHINESE), chinese) is None
    menu = "\n".join(f"{sign}{sign}列表" for sign in "老人走到港口看着船只")
    assert reason(menu, chinese) == "menu"
    assert reason(menu.replace("\n", "。\n"), changed(chinese, language=None)) != "menu"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "😀" * 50,
        "﷽ " * 30,
        "A" * 5000,
        "مرحبا بالعالم اليوم " * 9,
        "\ufffd",
        "1",
        "🏳️‍🌈 of the",
    ],
)
def test_odd_texts_are_judged(text, settings):
    verdict = judge(Facts(text), settings)
    assert verdict.reason is not None
    assert 0.0 <= verdict.score <= 1.0


def test_a_text_at_the_least_score_of_its_language_is_kept(settings):
    score = judge(Facts(FRENCH), changed(settings, language="fr")).score
    at = changed(settings, language="fr", minimum_language_score=score)
    assert reason(FRENCH, at) is None
    assert reason(FRENCH, changed(at, minimum_language_score=1.0)) == "language_score"


def test_any_language_is_kept_on_request(settings):
    every = changed(settings, language=None)
    assert [reason(text, every) for text in (GOOD, FRENCH)] == [None, None]


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
