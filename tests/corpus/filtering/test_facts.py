"""What is counted of a text, held against plain and slow counting."""

import pytest

from llm.corpus.filtering.facts import Facts, sample


def test_counts():
    facts = Facts("One two 3 two.\n\nOne two 3 two.\nfour \ufffd")
    assert facts.words_with_letter == 7
    assert facts.word_characters == 2 * 11 + 5
    assert facts.lines == ["One two 3 two."] * 2 + ["four \ufffd"]
    assert facts.line_repeats == pytest.approx((1 / 3, 14 / 34))
    assert facts.paragraph_repeats == (0.0, 0.0)
    assert facts.unreadable_characters == 1
    assert facts.ended_line_characters((".",)) == 28


def test_a_sample_is_start_middle_and_end():
    assert sample("short", 10) == "short"
    assert sample("a" * 100 + "b" * 100 + "c" * 100, 2) == "aa\nbb\ncc"


def test_ascii_characters():
    assert Facts("1 é2\U0001f600#3#").ascii_characters(b"0123456789") == 3
