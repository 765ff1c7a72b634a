"""Raw text to plain text: each repair, counted, and each can be off."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.extraction.encoding import decode
from llm.corpus.extraction.extract import extract, repair_mojibake
from tests.corpus.conftest import changed

FRENCH = "Le café était fermé, et l’été finissait à Orléans. " * 3


@pytest.fixture
def done(config):
    def make(text, *, html=False, **values):
        settings = changed(config.extract, **values)
        return extract(text, settings, config.personal_data, html=html)

    return make


def test_mojibake_is_repaired_and_right_text_left(done):
    broken = FRENCH.encode("utf-8").decode("cp1252", errors="replace")
    assert "café" in repair_mojibake(broken)
    assert repair_mojibake(FRENCH) == FRENCH
    assert repair_mojibake("the ﬁrst\u0085one of ASCII") == "the first\u2026one of ASCII"
    found = done("It was the cafÃ© at the corner.")
    assert (found.text, found.counts) == ("It was the café at the corner.", {"mojibake": 1})


LINE = "The keeper of the lamp walked down to the harbour, and he watched the"
EDGE = "*** {} OF THIS PROJECT GUTENBERG EBOOK X ***"
REPAIRS = {
    "markup": ("One <b>two</b> &amp; three.", "One two & three."),
    "mojibake": ("The cafÃ© closed.", "The café closed."),
    "gutenberg": (
        f"x\n{EDGE.format('START')}\n\nThe sea.\n\n{EDGE.format('END')}",
        "The sea.",
    ),
    "cut_words": ("An exam-\nple.", "An example."),
    "wrapped_lines": ("\n".join([LINE] * 3), " ".join([LINE] * 3)),
    "page_lines": ("The sea.\n\nAll rights reserved.", "The sea."),
    "unended_lines": ("Heading\n\nThe sea.", "The sea."),
    "short_lines": ("Heading\n\nThe sea of all seas.", "The sea of all seas."),
    "long_words": ("x" * 1001 + "\n\nThe sea.", "The sea."),
    "citations": ("[1] The sea.[2]\n\n[edit]\n\nThe land.", "The sea.\n\nThe land."),
}

ON = {"short_lines": 5, "long_words": 1000}


@pytest.mark.parametrize("name", REPAIRS)
def test_each_repair_is_counted_and_can_be_off(done, name):
    raw, text = REPAIRS[name]
    found = done(raw, **{name: ON.get(name, True)})
    assert (found.text, found.counts) == (text, {name: 1})
    left = done(raw, **{name: None if name in ON else False})
    assert left.text != text
    assert name not in left.counts


def test_every_switch_but_the_kind_of_page_content_is_tested(config):
    assert set(REPAIRS) == set(type(config.extract).model_fields) - {"main_content"}


def test_a_page_is_a_page_whatever_it_looks_like(done):
    assert done("One\ntwo", html=True).text == "One two"


def test_personal_data_is_masked_and_counted(done):
    found = done("Write to me@example.org or a@example.org.")
    assert (found.text, found.counts) == ("Write to [email] or [email].", {"email": 2})


def test_a_book_is_extracted_once_for_all(done, mirror):
    books = sorted(mirror.rglob("GITenberg/*/*/*.txt"))[::4]
    assert books
    for book in books:
        once = done(decode(book.read_bytes())[0])
        assert once.counts["gutenberg"] == once.counts["wrapped_lines"] == 1
        again = done(once.text)
        assert (again.text, again.counts) == (once.text, {})


@settings(deadline=None)  # the first call imports
@given(st.lists(st.text(st.sampled_from("aé \x80\x1b\ufb01Ã©â€™"), max_size=6), max_size=4))
def test_each_line_is_repaired_by_itself(lines):
    assert repair_mojibake("\n".join(lines)) == "\n".join(map(repair_mojibake, lines))
