"""The one form of a text: what goes, what stays, and that a second time changes nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpus.extraction.normal_form import normalise, plain_characters, plain_spaces

ANY_CHARACTERS = st.text(st.characters(categories=None), max_size=80)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\ufeffOne\u00a0 two\x00\x07\tthree \r\n", "One two three"),
        ("a\r\n\r\n\r\n\r\n  four\u200b\u00adfive\u2028six\r", "a\n\nfourfive\nsix"),
        ("e\u0301te\u0301", "été"),
        ("e\u200b\u0301", "é"),
        ("a\ud800b", "a\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
        ("a\x0bb\x0cc\x85d", "a\nb\nc\nd"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
        (" \n\u3000\n", ""),
    ],
)
def test_normal_form(raw, text):
    assert normalise(raw) == text


@given(ANY_CHARACTERS)
def test_again_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode("utf-8")


@given(st.text(st.characters(max_codepoint=0x7F), max_size=20))
def test_ascii_comes_out_as_beside_a_letter_beyond_it(text):
    assert plain_characters(text) + "é" == plain_characters(text + "é")
    assert plain_spaces(f".{text}.")[1:] == plain_spaces(f"é{text}.")[1:]
