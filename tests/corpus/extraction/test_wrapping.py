"""Wrapped paragraphs flow, cut words join; verse, lists and compounds stay."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpus.extraction.normal_form import plain_spaces
from llm.corpus.extraction.wrapping import join_cut_words, rewrap

WRAPPED = """It was the best of times, it was the worst of times, it was the age of
wisdom, it was the age of foolishness, it was the epoch of belief--
it was the epoch of incredulity, it was the season of Light, it was
the season of Darkness.

    Tyger Tyger, burning bright,
    In the forests of the night;

It was the spring of hope, it was the winter of despair, we had everything
before us."""


def test_wrapped_paragraphs_flow_and_verse_stays():
    text = plain_spaces(rewrap(WRAPPED))
    assert "the age of wisdom" in text
    assert "epoch of belief--it was" in text
    assert "Tyger Tyger, burning bright,\nIn the forests" in text
    assert text.count("\n\n") == 2


def test_an_indented_line_or_a_row_of_columns_stands_alone():
    line = "The keeper of the lamp walked down to the harbour, and he watched the"
    row = "Chapter the first, of the lamp and of its keeper, a man of the sea    7"
    wrapped = "\n".join([line] * 4)
    joined = " ".join([line] * 4)
    assert rewrap(f"{wrapped}\n   {line}\n{wrapped}") == f"{joined}\n   {line} {joined}"
    assert rewrap(f"{wrapped}\n\n{row}\n{row}") == f"{joined}\n\n{row}\n{row}"


@pytest.mark.parametrize(
    "text",
    [
        "One line.\nAnother, a little longer line.\nA third.\n",
        "word " * 100 + "\n" + "more " * 90,
        "milk\neggs\nbread\n",
        "",
    ],
)
def test_unwrapped_texts_are_left_alone(text):
    assert rewrap(text) == text


@pytest.mark.parametrize(
    ("text", "joined", "count"),
    [
        ("an exam-\nple of it", "an example\nof it", 1),
        ("an exam-\n  ple, of it", "an example,\nof it", 1),
        ("exam-\nple\nnext", "example\nnext", 1),
        ("exam-\nple.\n\nNext", "example.\n\nNext", 1),
        ("a well-known man, well-\nknown here", "a well-known man, well-known\nhere", 0),
        ("well-known, wellknown, well-\nknown here", "well-known, wellknown, wellknown\nhere", 1),
        ("Jean-\nPaul came", "Jean-\nPaul came", 0),
        ("from 1914-\n1918 on", "from 1914-\n1918 on", 0),
        ("of belief--\nit was", "of belief--\nit was", 0),
        ("mother-in-\nlaw came", "mother-in-\nlaw came", 0),
        ("no hyphen\nhere", "no hyphen\nhere", 0),
    ],
)
def test_cut_words(text, joined, count):
    assert join_cut_words(text) == (joined, count)


def slowly(text: str) -> str:
    """What rewrap does, measuring every line in every way."""
    lines = text.split("\n")
    ends = sorted(len(line.rstrip()) for line in lines if line.strip())
    if len(ends) < 3 or not 40 <= (width := ends[int(0.9 * (len(ends) - 1))]) <= 100:
        return text
    pairs = list(pairwise(lines))
    wraps = [
        bool(last.strip() and line.strip())
        and not re.search(r"\S {3,}\S", last)
        and len(line) - len(line.lstrip(" ")) <= len(last) - len(last.lstrip(" "))
        and len(last.rstrip()) + 1 + len(line.split()[0]) > 0.85 * width
        for last, line in pairs
    ]
    inner = sum(bool(last.strip() and line.strip()) for last, line in pairs)
    if not inner or sum(wraps) < 0.5 * inner:
        return text
    done = lines[0]
    for wrap, line in zip(wraps, lines[1:], strict=True):
        if wrap:
            done = done.rstrip()
            done += ("" if done.endswith(("--", "—")) else " ") + line.lstrip()
        else:
            done += "\n" + line
    return done


WORDS = st.sampled_from(["a", "word", "longer--", "wonderful ", "", " ", "   ", "\t", "é—"])
LINES = st.lists(WORDS, max_size=14).map(" ".join)


@given(st.lists(LINES | st.sampled_from(["The keeper of the lamp walked down " * 2]), max_size=12))
def test_lines_join_as_if_all_were_measured(lines):
    text = "\n".join(lines)
    assert rewrap(text) == slowly(text)
