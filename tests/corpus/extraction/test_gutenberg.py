"""Project Gutenberg's wrapping comes off, in every form it has had; the book stays whole."""

import pytest

from llm.corpus.extraction.gutenberg import is_gutenberg, strip_gutenberg

BOOK = "CHAPTER I\n\nIt was a dark night.\n\n    The wind howled,\n    and so did he.\n\nTHE END"
LICENCE = "You may copy it under the Project Gutenberg License at www.gutenberg.org"
PRINT_END = "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*"


@pytest.mark.parametrize(
    "start",
    [
        "*** START OF THIS PROJECT GUTENBERG EBOOK NIGHT ***",
        "*** START OF THE PROJECT GUTENBERG EBOOK, NIGHT ***",
        "***START OF THE PROJECT GUTENBERG EBOOK NIGHT***",
        "*** START OF THIS PROJECT GUTENBERG EBOOK THE VERY LONG NIGHT\nOF THE WIND ***",
        "*** START OF THE PROJECT GUTENBERG ETEXT NIGHT ***",
        f"***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nlawyers\n{PRINT_END}",
        "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*",
    ],
)
@pytest.mark.parametrize(
    "end",
    [
        "*** END OF THIS PROJECT GUTENBERG EBOOK NIGHT ***\n\n" + LICENCE,
        "***END OF THE PROJECT GUTENBERG EBOOK NIGHT***\n" + LICENCE,
        "End of the Project Gutenberg EBook of Night, by Nobody\n\n*** END OF THIS PROJECT",
        "End of Project Gutenberg's Night, by Nobody",
        "End of The Project Gutenberg Etext of Night by Nobody",
        "*** END OF THE PROJECT GUTENBERG EBOOK, NIGHT ***\nsmall print\n" + PRINT_END,
    ],
)
def test_the_book_alone_is_left(start, end):
    text = f"The Project Gutenberg EBook of Night\n\n{LICENCE}\n\n{start}\n\n{BOOK}\n\n{end}\n"
    assert is_gutenberg(text)
    assert strip_gutenberg(text) == BOOK


@pytest.mark.parametrize(
    "credit",
    [
        "Produced by Anonymous Volunteers",
        "Produced by A. Person and the Online\nDistributed Proofreading Team at http://www.pgdp.net",
        "E-text prepared by A. Person",
        "This eBook was produced by A. Person.",
        "Transcribed from the 1908 Longmans edition by A. Person, email a@b.org",
        "(Additional editing by A. Person)",
        "Entered by A. Person of somewhere\na@b.com",
        "The Internet Wiretap 1st Online Edition of",
        "Transcriber's Note: Obvious errors were corrected.",
        "[Transcribers Note: Obvious errors were corrected.]",
    ],
)
def test_credits_go(credit):
    start = "*** START OF THIS PROJECT GUTENBERG EBOOK NIGHT ***"
    assert strip_gutenberg(f"{start}\n\n{credit}\n\n{BOOK}") == BOOK


def test_notes_at_the_end_go_from_their_heading_on():
    body = "\n\n".join(f"Paragraph {n} of a long story." for n in range(200))
    notes = "Transcriber's Notes:\n\nPage 3: changed this.\n\nPage 9: changed that."
    end = "End of Project Gutenberg's Night"
    assert strip_gutenberg(f"{PRINT_END}\n\n{body}\n\n{notes}\n\n{end}") == body


def test_prose_in_the_middle_is_left_in_peace():
    middle = "Produced by magic, the rabbit bowed. Gutenberg printed bibles in Mainz."
    many = "\n\n".join(["The story goes on."] * 30)
    text = f"{PRINT_END}\n\n{many}\n\n{middle}\n\n{many}"
    assert middle in strip_gutenberg(text)


def test_other_texts_are_not_taken_for_books():
    assert not is_gutenberg("Gutenberg printed bibles. This was the end of the project.")
