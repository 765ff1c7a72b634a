"""Raw bytes to plain text: encodings, mojibake, markup, wrapped lines, white space, privacy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.extract import (
    UnreadableError,
    decode,
    extract,
    has_markup,
    normalise_space,
    repair_mojibake,
    rewrap,
    strip_page_lines,
)

FRENCH = "Le café était fermé, et l’été finissait à Orléans. " * 3
RUSSIAN = "Жили-были старик со старухой у самого синего моря. " * 5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (FRENCH.encode(), "utf-8"),
        (FRENCH.encode("utf-8-sig"), "utf-8"),
        (FRENCH.encode("utf-16"), "utf-16"),
        (FRENCH.encode("utf-32"), "utf-32"),
        (FRENCH.encode("cp1252"), "cp1252"),
        (b"plain", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_encodings_are_told(data, name):
    assert decode(data) == (data.decode("utf-8-sig" if name == "utf-8" else name), name)


def test_latin_1_in_an_english_text():
    text = "The naïve café owner met the façade of déjà vu. " * 4
    assert decode(text.encode("latin-1"))[0] == text


def test_cyrillic_single_bytes():
    assert decode(RUSSIAN.encode("cp1251"))[0] == RUSSIAN


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\x00\x00", b"\xff\xfe\x00", bytes(range(256))])
def test_binary_data_is_refused(data):
    with pytest.raises(UnreadableError):
        decode(data)


def test_mojibake_is_repaired_and_right_text_left():
    broken = FRENCH.encode("utf-8").decode("cp1252", errors="replace")
    assert "café" in repair_mojibake(broken)
    assert repair_mojibake(FRENCH) == FRENCH
    done = extract("It was the cafÃ© at the corner.")
    assert (done.text, done.counts["mojibake"]) == ("It was the café at the corner.", 1)


def test_html_becomes_paragraphs():
    page = (
        "<!doctype html><html><head><title>No</title><style>p{}</style></head><body>"
        "<nav>Home</nav><h1>Title</h1><p>One &amp; two<br>three <b>bold</b>.</p>"
        "<script>alert(1)</script><ul><li>first<li>second</ul><footer>Foot</footer></body></html>"
    )
    done = extract(page)
    assert done.text == "Title\n\nOne & two\nthree bold.\n\nfirst\n\nsecond"
    assert done.counts["markup"] == 1


def test_words_across_inline_tags_stay_whole_and_cells_apart():
    assert extract("<p>un<b>believ</b>able</p><p>x</p>").text == "unbelievable\n\nx"
    assert extract("<table><tr><td>a</td><td>b</td></tr></table>").text == "a b"


@pytest.mark.parametrize(
    "text", ["if a < b and c > d", "I <3 you & me", "AT&T", "<sighs> she said", "x <= y"]
)
def test_prose_is_not_markup(text):
    assert not has_markup(text)
    assert extract(text).text == text


@pytest.mark.parametrize("text", ["<p>One</p>", "fish &amp; chips &mdash; yes", "a<br/>b<br/>c"])
def test_markup_is_seen(text):
    assert has_markup(text)


WRAPPED = """It was the best of times, it was the worst of times, it was the age of
wisdom, it was the age of foolishness, it was the epoch of belief--
it was the epoch of incredulity, it was the season of Light, it was
the season of Darkness.

    Tyger Tyger, burning bright,
    In the forests of the night;

It was the spring of hope, it was the winter of despair, we had everything
before us."""


def test_wrapped_paragraphs_flow_and_verse_stays():
    text = normalise_space(rewrap(WRAPPED))
    assert "the age of wisdom" in text
    assert "epoch of belief--it was" in text
    assert "Tyger Tyger, burning bright,\nIn the forests" in text
    assert text.count("\n\n") == 2


@pytest.mark.parametrize(
    "text",
    [
        "One line.\nAnother, a little longer line.\nA third.\n",
        "word " * 100 + "\n" + "more " * 90,
        "milk\neggs\nbread\n",
    ],
)
def test_unwrapped_texts_are_left_alone(text):
    assert rewrap(text) == text


def test_white_space_and_control_characters():
    raw = "\ufeffOne\u00a0 two\x00\x07\tthree \r\n\r\n\r\n\r\n  four\u200b\u00adfive\u2028six\r"
    assert extract(raw).text == "One two three\n\nfourfive\nsix"
    assert extract("e\u0301te\u0301").text == "été"  # NFC


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
    ],
)
def test_page_lines_go(line):
    assert strip_page_lines(f"A story began.\n\n{line}\n\nIt ended.") == (
        "A story began.\n\nIt ended."
    )


def test_long_prose_about_cookies_stays():
    text = "My grandmother always uses cookies to win people over. " + "She bakes well. " * 20
    assert strip_page_lines(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to jane.doe+x@mail.example.co.uk today.", "Write to [email] today."),
        ("Call (555) 123-4567 now", "Call [phone] now"),
        ("Call 555-123-4567.", "Call [phone]."),
        ("Ring +44 20 7946 0958 please", "Ring [phone] please"),
        ("or call 555-0179.", "or call [phone]."),
        ("From 1880-1890 it cost 1,234.56 on page 123-456.", None),
        ("In 1999 there were 2000 5000 of them; room 12 @ noon", None),
    ],
)
def test_personal_data(text, masked):
    assert extract(text).text == (masked or text)
    assert extract(text, mask_personal_data=False).text == text
    assert sum(extract(text).counts[kind] for kind in ("email", "phone")) == bool(masked)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_no_bytes_crash_and_nothing_unnormalised_passes(data):
    try:
        text, _ = decode(data)
    except UnreadableError:
        return
    done = extract(text.encode("utf-8", errors="replace").decode("utf-8")).text
    assert done == normalise_space(done)
    assert not set(done) & set("\x00\r\t\ufeff\u00a0\u200b")
    assert extract(done).text is not None
