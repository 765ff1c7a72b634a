"""The survey: every row counts, rows at fault are named, the sample is bounded and even."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from llm.corpus.documents import document_id
from llm.validation import survey as module
from llm.validation.contract import CASES, Case
from llm.validation.survey import (
    Check,
    Survey,
    content_ids,
    filled,
    is_blank,
    matching,
    one_of,
    shown,
    total,
)

SCHEMA = pa.schema([("n", pa.int64())])


def survey_of(values, rows_at_once):
    negative = Check(
        fact="negative",
        column="n",
        mask=lambda row: pc.less(row.column("n"), 0),
        meaning="no n is negative",
    )
    survey = Survey([negative], rows=len(values))
    for batch in pa.table({"n": values}, schema=SCHEMA).to_batches(max_chunksize=rows_at_once):
        first = survey.seen
        survey.add(batch, [f"row {first + number}" for number in range(len(batch))].__getitem__)
    return survey


@pytest.mark.parametrize("rows_at_once", [1, 7, 1000])
def test_the_sample_is_even_bounded_and_holds_the_rows_at_fault(monkeypatch, rows_at_once):
    monkeypatch.setattr(module, "SAMPLE_ROWS", 10)
    monkeypatch.setattr(module, "OFFENDING_ROWS", 3)
    values = [-n if n % 9 == 5 else n for n in range(95)]
    survey = survey_of(values, rows_at_once)
    assert survey.counts == {"negative": 10}
    assert survey.seen == 95
    even = values[::10]
    outside = [n for at, n in enumerate(values) if n < 0 and at % 10]
    assert survey.sample(SCHEMA).column("n").to_pylist() == even + outside[:3]


def test_what_cannot_be_judged_is_at_fault():
    survey = survey_of([1, None, -1], 2)
    assert survey.counts == {"negative": 2}


@pytest.mark.parametrize(
    ("check", "at_fault"),
    [
        (filled("empty", "text", "none is empty"), 3),
        (matching("odd", "text", "^a+$", "each is of a"), 4),
        (one_of("unknown", "text", {"a", "b"}, "each is known"), 4),
        (one_of("unknown", "n", (0, 1), "each is 0 or 1"), 2),
    ],
)
def test_a_check_counts_the_rows_it_names(check, at_fault):
    schema = pa.schema([("text", pa.string()), ("n", pa.int8())])
    texts, numbers = ["a", "aa", "b", "", " ", None], [0, 1, 2, None, 1, 0]
    survey = Survey([check], rows=6)
    survey.add(pa.record_batch([texts, pa.array(numbers, pa.int8())], schema=schema), str)
    assert survey.counts == {check.fact: at_fault}
    (fault,) = survey.faults()
    assert (fault.count, len(fault.cases)) == (at_fault, at_fault)


def test_no_rows_give_an_empty_sample():
    survey = survey_of([], 2)
    assert (survey.counts, survey.sample(SCHEMA).num_rows) == ({"negative": 0}, 0)


@pytest.mark.parametrize("rows_at_once", [1, 7, 1000])
def test_the_first_rows_at_fault_are_named_with_what_they_hold(rows_at_once):
    survey = survey_of([-n for n in range(30)], rows_at_once)
    (fault,) = survey.faults()
    assert (fault.fact, fault.count, fault.meaning) == ("negative", 29, "no n is negative")
    assert fault.cases == [Case(where=f"row {n}", found=f"n {-n}") for n in range(1, CASES + 1)]


def test_a_case_names_the_id_and_shows_white_space_but_not_a_whole_text():
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    survey = Survey([matching("odd", "text", "^a+$", "each is of a")], rows=3)
    texts = [" \n", None, "b" * 1_000]
    survey.add(pa.record_batch([["x", "y", "z"], texts], schema=schema), str)
    (fault,) = survey.faults()
    assert [case.found for case in fault.cases[:2]] == ["text ' \\n', id x", "text missing, id y"]
    assert fault.cases[2].found.endswith("bbb'…, id z")
    assert len(fault.cases[2].found) < 100


def test_content_ids_are_those_of_documents():
    assert content_ids(pa.array(["Grüße", None, ""])).to_pylist() == [
        document_id("Grüße"),
        None,
        document_id(""),
    ]


def test_a_sum_of_nothing_is_none():
    assert (total(pa.array([], pa.string())), total(pa.array([1, None, 2]))) == (0, 3)


def test_blank_and_shown_texts():
    texts = pa.array(["", None, " \n\u00a0", " x "])
    assert is_blank(texts).to_pylist() == [True, True, True, False]
    long = "  " + "é" * 1_000
    assert shown(pa.array([long])).to_pylist() == ["é" * module.SHOWN_CHARACTERS]
