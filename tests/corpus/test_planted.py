"""Scores of cleaning and deduping by what was planted."""

import json

import pyarrow as pa
import pytest

from llm.corpus.planted import Observed, Planted, read_planted, score
from llm.errors import InputError

PLANTED = {
    "a": Planted("clean", None, ()),
    "b": Planted("exact_duplicate", "a", ()),
    "c": Planted("near_duplicate", "b", ()),
    "d": Planted("language", None, ()),
    "e": Planted("email", None, ("x@y.org", "z@y.org")),
    "f": Planted("clean", None, ()),
}


def test_perfect_work():
    clean = {"a": "1", "b": "1", "c": "1", "e": "2", "f": "3"}
    found = score(PLANTED, clean=clean, unique={"a", "e", "f"}, left={})
    assert found["recall"] == {"exact_duplicate": 1.0, "near_duplicate": 1.0}
    assert found["precision"] == 1.0
    assert found["kept_fraction"]["language"] == 0.0
    assert found["kept_fraction"]["clean"] == 1.0
    assert found["repaired_fraction"] == {"email": 1.0}


def test_faulty_work():
    clean = {"a": "1", "b": "1", "c": "4", "e": "3", "f": "3", "d": "5"}
    found = score(PLANTED, clean=clean, unique={"a", "c", "e", "d"}, left={"e": 1})
    assert found["recall"] == {"exact_duplicate": 1.0, "near_duplicate": 0.0}
    assert found["precision"] == 0.5  # b rightly, f wrongly removed
    assert found["kept_fraction"]["language"] == 1.0
    assert found["repaired_fraction"] == {"email": 0.5}


def test_a_duplicate_whose_original_is_gone_is_held_against_its_family():
    found = score(PLANTED, clean={"b": "1", "c": "1"}, unique={"b"}, left={})
    assert found["recall"]["near_duplicate"] == 1.0
    alone = score(PLANTED, clean={"c": "1"}, unique={"c"}, left={})
    assert alone["recall"]["near_duplicate"] is None
    assert alone["precision"] is None


def test_reading(tmp_path):
    assert read_planted(tmp_path) == {}
    rows = [
        {"id": "a", "planted": "clean", "of": None},
        {"id": "b", "planted": "email", "of": None, "expected": "repair", "marks": ["x@y", "\n"]},
        {"id": "c", "planted": "encoding", "of": "a", "expected": "keep", "marks": ["é"]},
    ]
    (tmp_path / "planted.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read_planted(tmp_path)
    assert found["b"] == Planted("email", None, ("x@y",))
    assert found["c"] == Planted("encoding", "a", ())
    (tmp_path / "planted.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(InputError, match="line 1"):
        read_planted(tmp_path)


def test_observed_while_reading_and_deciding():
    planted = {
        "a": Planted("clean", None, ()),
        "b": Planted("exact_duplicate", "a", ()),
        "c": Planted("email", None, ("x@y", "@z")),
    }
    batch = pa.record_batch({"raw_id": ["a", "b", "c", "d"], "text": ["1", "1", "x@y ...", "2"]})
    clusters, kept = pa.array(["k", "k", "l", "m"]), pa.array([True, False, True, True])
    seen = Observed(planted)
    assert list(seen.watch([batch])) == [batch]
    seen.decide(batch.column("raw_id"), clusters, kept)
    found = seen.score()
    assert found["recall"]["exact_duplicate"] == found["precision"] == 1.0
    assert found["repaired_fraction"] == {"email": 0.5}
