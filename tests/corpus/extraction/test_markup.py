"""HTML to text: pages, fragments, and prose that only looks like it."""

import time

import pytest

from llm.corpus.extraction.markup import has_markup, strip_markup
from llm.corpus.extraction.normal_form import normalise

PAGE = """<!doctype html><html><head><title>No</title><style>p{}</style></head><body>
<nav><a href="/">Home</a></nav><h1>Title</h1><p>One &amp; two<br>three
<b>bold</b>.</p><script>alert(1)</script><p>The second.</p><footer>Foot</footer></body></html>"""


def text_of(html, *, page=False, main_content=True):
    return normalise(strip_markup(html, page=page, main_content=main_content))


def test_the_main_content_of_a_page():
    assert text_of(PAGE) == "Title\n\nOne & two\nthree bold.\n\nThe second."


def test_all_of_a_page():
    whole = text_of(PAGE, main_content=False)
    assert whole.startswith("Home")
    assert whole.endswith("Foot")
    assert "alert" not in whole


def test_a_page_of_furniture_alone_is_not_lost():
    assert text_of("<html><body><footer>By the sea.</footer></body></html>") == "By the sea."


def test_a_page_is_told_or_said():
    fragment = "One\n\ntwo<p>three</p>"
    assert text_of(fragment) == "One\n\ntwo\n\nthree"
    assert text_of(fragment, page=True) == "One two\n\nthree"


def test_blocks_words_and_cells():
    assert text_of("<p>un<b>believ</b>able</p><p>x</p>") == "unbelievable\n\nx"
    assert text_of("<table><tr><td>a</td><td>b</td></tr></table>") == "a b"
    assert text_of("<ul><li>first<li>second</ul><nav>go</nav>") == "first\n\nsecond"


@pytest.mark.parametrize(
    "text", ["if a < b and c > d", "I <3 you & me", "AT&T", "<sighs> she said", "x <= y", "<p"]
)
def test_prose_is_not_markup(text):
    assert not has_markup(text)


@pytest.mark.parametrize("text", ["<p>One</p>", "fish &amp; chips &mdash; yes", "a<br/>b<br/>c"])
def test_markup_is_seen(text):
    assert has_markup(text)


@pytest.mark.parametrize("start", ["", "<html>"])
def test_deep_nesting_costs_no_more_than_its_length(start):
    deep = "<div>" * 100_000 + "fish &amp; chips" + "</div>" * 100_000
    began = time.process_time()
    assert text_of(start + deep) == "fish & chips"
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize("start", ["", "<html><body>"])
def test_swarms_of_attributes_cost_no_more_than_their_length(start):
    swarm = f"<p>One</p><div {' '.join(f'a{n}' for n in range(60_000))}><p>two</p></div>"
    began = time.process_time()
    assert text_of(start + swarm) == "One\n\ntwo"
    assert time.process_time() - began < 2.0


def test_a_long_tag_of_few_attributes_stays_whole():
    drawing = f"<img alt='x' src='data:{'a b ' * 2000}'>"
    link = f'<a title="{"1 > 0, " * 2000}" href="/">fish</a>'
    assert text_of(f"<p>One {drawing}{link} &amp; two</p>") == "One fish & two"


def test_tags_that_end_themselves_are_not_deep():
    page = "<html><body>" + "<p>One line of the story.<br>And on" * 600
    assert text_of(page).count("\n\n") == 599
