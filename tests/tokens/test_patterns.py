"""Patterns: the named ones cover every text; others are checked."""

from __future__ import annotations

import pytest

from llm.tokens.patterns import PATTERNS, check_pattern


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_the_named_patterns_lose_nothing(name):
    check_pattern(PATTERNS[name])


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("(", "no regular expression"),
        (r"\p{Nonsense}", "no regular expression"),
        ("a*", "matches the empty text"),
        ("", "matches the empty text"),
        (r"\w+|\s", r"loses text: no match covers"),
        (r".", "loses text"),  # all but the end of a line
        (r"[^ ]+", "U\\+0020"),
    ],
)
def test_a_pattern_that_is_none_or_loses_text_is_refused(pattern, fault):
    with pytest.raises(ValueError, match=fault):
        check_pattern(pattern)


def test_a_pattern_of_ones_own_passes():
    check_pattern(r"\s?\w+|\s|[^\w\s]+")
