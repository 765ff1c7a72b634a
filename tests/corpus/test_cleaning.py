"""One record to one document or one reject."""

import pickle

from llm.corpus.cleaning import Cleaner
from llm.corpus.documents import document_id
from llm.corpus.filters import FilterSettings
from llm.corpus.licences import allowed
from llm.corpus.records import Record

SETTINGS = FilterSettings(
    language="en",
    minimum_language_score=0.5,
    minimum_words=5,
    maximum_words=1000,
    minimum_mean_word_length=2.5,
    maximum_mean_word_length=12.0,
    maximum_symbol_fraction=0.1,
    maximum_duplicate_line_fraction=0.5,
    maximum_unreadable_fraction=0.05,
)
GOOD = "The old man walked to the harbour and watched the naïve boats come home."


def record(data, **changes) -> Record:
    return Record(**{"raw_id": "r", "source": "s", "licence": "l", "data": data, **changes})


def clean(*records, mask=True):
    cleaner = pickle.loads(pickle.dumps(Cleaner(SETTINGS, mask)))  # as another process gets it
    return cleaner(records)


def test_a_document_has_its_facts():
    result = clean(record(GOOD.encode("latin-1")))
    (row,) = result.kept
    assert row["text"] == GOOD
    assert row["id"] == document_id(GOOD)
    assert (row["source"], row["licence"], row["raw_id"], row["cluster"]) == ("s", "l", "r", "")
    assert (row["language"], row["language_score"] > 0.5) == ("en", True)
    assert row["quality"] == round(row["language_score"], 4)
    assert dict(result.encodings) == {"cp1252": 1}
    assert result.rejects == []


def test_rejects_have_their_reason_and_a_bounded_text():
    result = clean(
        record(None, fault="broken_record"),
        record(b"\x00\x01\x02"),
        record("the word " * 5000),
    )
    assert [row["reason"] for row in result.rejects] == ["broken_record", "unreadable", "too_long"]
    assert len(result.rejects[2]["text"]) == 2000


def test_lone_surrogates_do_no_harm():
    assert clean(record(GOOD + " \ud800")).kept[0]["text"].startswith(GOOD)


def test_masking_can_be_off():
    text = GOOD + " Write to me@example.org."
    assert "[email]" in clean(record(text)).kept[0]["text"]
    assert "me@example.org" in clean(record(text), mask=False).kept[0]["text"]


def test_a_licence_that_is_not_allowed_leaves_no_word():
    cleaner = Cleaner(SETTINGS, True, allowed(["cc0-1.0"]))
    result = cleaner([record(GOOD, licence=name) for name in ("CC0-1.0", "MIT", "", "unknown")])
    assert [row["licence"] for row in result.kept] == ["CC0-1.0"]
    assert [(row["reason"], row["text"]) for row in result.rejects] == [("licence", "")] * 3
    assert [row["characters"] for row in result.rejects] == [len(GOOD)] * 3
