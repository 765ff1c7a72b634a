"""The score falls with every fault it knows, stays within 0 and 1, and is always the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.quality import quality

GOOD = (
    "The old man walked to the harbour and watched the boats come home with the evening tide.\n\n"
    "He had been a sailor for forty years, and the sea was the only friend that never lied to him."
)


def test_a_good_text_has_its_language_score():
    assert quality(Facts(GOOD), language_score=1.0) == 1.0
    assert quality(Facts(GOOD), language_score=0.75) == 0.75


@pytest.mark.parametrize(
    "worse",
    [
        GOOD + "\n\nThe sea was",
        GOOD + "\n\n" + GOOD,
        GOOD + " 1 2 3 4.",
        GOOD.replace("sailor", "s\ufffdilor"),
        GOOD.replace("sailor", "s\ue000ilor"),
        " ",
    ],
    ids=["cut off", "repeated", "numbers", "unreadable", "private", "empty"],
)
def test_every_fault_takes_off(worse):
    assert quality(Facts(worse), language_score=1.0) < 1.0


def test_verse_loses_half_at_most():
    assert quality(Facts("Tyger Tyger\nburning bright"), language_score=1.0) == 0.5


@given(st.text(max_size=200), st.floats(0, 1))
def test_it_is_a_share(text, score):
    assert 0.0 <= quality(Facts(text), language_score=score) <= 1.0
