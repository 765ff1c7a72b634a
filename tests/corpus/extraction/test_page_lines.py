"""Lines of pages go; prose that mentions the same things stays."""

import time

import pytest

from llm.corpus.extraction.page_lines import (
    strip_citations,
    strip_long_words,
    strip_page_lines,
    strip_short_lines,
    strip_unended_lines,
)


@pytest.mark.parametrize(
    "line",
    [
        "We use cookies to improve your experience. Accept cookies",
        "© 2019 Example Ltd. All rights reserved.",
        "Subscribe to our newsletter!",
        "Read more »",
        "Home | About us | Contact",
        "Sign up for free to comment. Already have an account? Log in.",
        "Related articles: ten tales",
        "Please enable JavaScript to see this.",
        "Skip to content",
        "Comments",
        "Read our Terms of Service",
    ],
)
def test_page_lines_go(line):
    assert strip_page_lines(f"A story began.\n\n{line}\n\nIt ended.") == (
        "A story began.\n\nIt ended."
    )
    assert strip_page_lines(line) == ""


@pytest.mark.parametrize(
    "text",
    [
        "My grandmother always uses cookies to win people over. " + "She bakes well. " * 20,
        "The menu was long, and they shared it.",
        "He came to terms of peace.\n\nShare and share alike, she said.",
    ],
)
def test_prose_stays(text):
    assert strip_page_lines(text) == text


def test_a_menu_that_breaks_off_costs_no_time():
    begun = time.process_time()
    line = "aa| " * 45 + "!"
    assert strip_page_lines(line) == line
    assert time.process_time() - begun < 1


def test_lines_without_an_end_go():
    text = "A heading\n\nIt began.\nmenu entry\n\n\u201cIt ended!\u201d\nIt goes...\non…\n他走了。"
    assert strip_unended_lines(text) == "It began.\n\n\u201cIt ended!\u201d\n他走了。"


def test_short_lines_go():
    text = "Only four words here\n\nHere there are five words.\n\n"
    assert strip_short_lines(text, 5) == "Here there are five words."
    assert strip_short_lines(text, 4) == text


def test_lines_with_a_long_word_go():
    text = "It began.\n" + "x" * 11 + "\nand " + "x" * 10
    assert strip_long_words(text, 10) == "It began.\nand " + "x" * 10


def test_marks_of_citations_go():
    text = "It rose [12] in 1066.[3][citation needed]\n\nHistory [edit]\n\nSee [the list] or [a1]."
    assert strip_citations(text) == ("It rose in 1066.\n\nHistory\n\nSee [the list] or [a1].")
