"""One record to one document or one reject; no bytes crash it or pass as they should not."""

import pickle
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm.corpus.cleaning import Cleaner
from llm.corpus.documents import document_id
from llm.corpus.extraction.normal_form import normalise
from llm.corpus.extraction.privacy import mask_personal_data
from llm.corpus.licences import allowed
from llm.corpus.reading.records import Record
from tests.corpus.conftest import changed

GOOD = "The old man walked to the harbour and watched the naïve boats come home."


def record(data, **changes) -> Record:
    return Record(**{"raw_id": "r", "source": "s", "licence": "l", "data": data, **changes})


def test_a_document_has_its_facts(cleaner):
    result = pickle.loads(pickle.dumps(cleaner))(
        [  # as another process gets it
            record(GOOD.encode("latin-1"))
        ]
    )
    (row,) = result.kept
    assert row["text"] == GOOD
    assert row["id"] == document_id(GOOD)
    assert (row["source"], row["licence"], row["raw_id"], row["cluster"]) == ("s", "l", "r", "")
    assert (row["language"], row["language_score"] > 0.5) == ("en", True)
    assert row["quality"] == round(row["language_score"], 4)
    assert dict(result.encodings) == {"cp1252": 1}
    assert result.rejects == []


def test_rejects_have_their_reason_and_a_bounded_text(cleaner):
    records = [
        record(None, fault="broken_record"),
        record(b"\x00\x01\x02"),
        record("the word " * 5000),
        record("<script>\ud800 alert()</script><br>"),
    ]
    rows = cleaner(records).rejects
    reasons = [row["reason"] for row in rows]
    assert reasons == ["broken_record", "unreadable", "too_long", "empty"]
    assert len(rows[2]["text"]) == 2000
    assert rows[3]["text"] == "<script>\ufffd alert()</script><br>"  # as it came: nothing was left


def test_rejects_say_what_was_measured_and_what_else_is_wrong(cleaner):
    texts = ["the word " * 600, "Le vieil homme marchait vers le port.", "lorem ipsum", GOOD]
    result = cleaner([record(text) for text in (None, *texts)])
    names = ("reason", "measured", "limit", "found", "also")
    assert [tuple(row[name] for name in names) for row in result.rejects] == [
        ("unreadable", None, None, "", ""),
        ("too_long", 1200.0, 1000.0, "", "stop_words"),
        ("language", pytest.approx(1.0, abs=0.1), None, "fr", ""),
        ("too_short", 2.0, 5.0, "", "placeholder language"),
    ]
    assert len(result.kept) == 1


def test_what_is_saved_of_a_text_of_which_nothing_is_left_is_masked(cleaner):
    short = replace(cleaner, reject_characters=30)
    (row,) = short(
        [record("<script>mail = 'jane.doe@example.org', jane.doe@example.org</script>")]
    ).rejects
    assert row["reason"] == "empty"
    assert row["text"] == "<script>mail = '[email]', [ema"


def test_lone_surrogates_do_no_harm(cleaner):
    assert cleaner([record(GOOD + " \ud800")]).kept[0]["text"] == GOOD + " \ufffd"


# Fuzzing: pieces of everything that files have been seen to hold, in any order and number.
PIECES = st.sampled_from(
    [
        *(GOOD.encode(name) for name in ("utf-8", "utf-16", "utf-16-be", "utf-32", "cp1252")),
        *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\x00\x00", b"\xed\xa0\x80"),
        *(b"PK\x03\x04\x14\x00", b"\x1f\x8b\x08", b"%PDF-1.7", b"\x28\xb5\x2f\xfd", b"\x00"),
        *(b"<p>", b"</div>", b"<script>", b"<!--", b"<html><body>", b"&amp;", b"&#xD800;", b"&#0;"),
        *(b"<div>" * 300, b"word " * 2000, b"x" * 30_000, b"-\n", b"\r\n\r\n\r\n", b"\r", b"\x85"),
        *("caf\u00c3\u00a9 ".encode(), "e\u200b\u0301\u2028\u00a0".encode(), b"me@example.org "),
        *(b"*** START OF THIS PROJECT GUTENBERG EBOOK X ***\n", b"End of Project Gutenberg\n"),
        *(b"The sea and the boat went on to the land of the king, and so did he.\n",) * 3,
    ]
)
BYTES = st.lists(PIECES | st.binary(max_size=30), max_size=12).map(b"".join)
TEXTS = st.text(st.characters(categories=None), max_size=200)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=BYTES | TEXTS, html=st.booleans())
def test_no_input_crashes_or_passes_unnormalised(cleaner, data, html):
    lenient = Cleaner(
        extract=cleaner.extract,
        personal_data=cleaner.personal_data,
        filters=changed(
            cleaner.filters,
            minimum_words=1,
            minimum_language_score=0.0,
            maximum_unreadable_fraction=1.0,
            gopher__minimum_mean_word_length=0.0,
            gopher__maximum_mean_word_length=1e9,
            gopher__minimum_letter_words_fraction=None,
            gopher__minimum_stop_words=0,
        ),
        reject_characters=cleaner.reject_characters,
    )
    result = lenient([record(data, html=html)])
    assert len(result.kept) + len(result.rejects) == 1
    for row in result.kept:
        text = row["text"]
        assert text == normalise(text) == text.strip()
        assert unicodedata.is_normalized("NFC", text)
        assert not any(unicodedata.category(c) in ("Cc", "Cs") and c != "\n" for c in text)
        assert mask_personal_data(text, cleaner.personal_data)[0] == text
        assert 0.0 <= row["quality"] <= 1.0
    for row in result.rejects:
        row["text"].encode("utf-8")


def test_a_licence_that_is_not_allowed_leaves_no_word(cleaner):
    strict = replace(cleaner, allow_licences=allowed(["cc0-1.0"]))
    result = strict([record(GOOD, licence=name) for name in ("CC0-1.0", "MIT", "", "unknown")])
    assert [row["licence"] for row in result.kept] == ["CC0-1.0"]
    assert [(row["reason"], row["text"]) for row in result.rejects] == [("licence", "")] * 3
    assert [row["characters"] for row in result.rejects] == [len(GOOD)] * 3


def test_claims_of_a_language_are_compared(cleaner):
    claims = ("en", "EN-gb", "fr", "English", "")
    result = cleaner([record(GOOD, language=claim) for claim in claims])
    assert dict(result.claims) == {"agree": 2, "differ": 1, "unclear": 1}
