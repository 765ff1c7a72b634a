"""The survey: every row is counted, the sample is bounded, even, and shows what is at fault."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from llm.validation import contract
from llm.validation.contract import (
    Check,
    Survey,
    duplicates,
    filled,
    is_blank,
    joined,
    matching,
    one_of,
    shared,
    shown,
    total,
)

SCHEMA = pa.schema([("n", pa.int64())])


def survey_of(values, rows_at_once):
    negative = Check(
        fact="negative", mask=lambda row: pc.less(row.column("n"), 0), meaning="no n is negative"
    )
    survey = Survey([negative], rows=len(values))
    for batch in pa.table({"n": values}, schema=SCHEMA).to_batches(max_chunksize=rows_at_once):
        survey.add(batch)
    return survey


@pytest.mark.parametrize("rows_at_once", [1, 7, 1000])
def test_the_sample_is_even_bounded_and_holds_the_rows_at_fault(monkeypatch, rows_at_once):
    monkeypatch.setattr(contract, "SAMPLE_ROWS", 10)
    monkeypatch.setattr(contract, "OFFENDING_ROWS", 3)
    values = [-n if n % 9 == 5 else n for n in range(95)]
    survey = survey_of(values, rows_at_once)
    assert survey.faults == {"negative": 10}
    assert survey.seen == 95
    even = values[::10]
    outside = [n for at, n in enumerate(values) if n < 0 and at % 10]
    assert survey.sample(SCHEMA).column("n").to_pylist() == even + outside[:3]


def test_what_cannot_be_judged_is_at_fault():
    survey = survey_of([1, None, -1], 2)
    assert survey.faults == {"negative": 2}


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
    survey.add(pa.record_batch([pa.array(texts), pa.array(numbers, pa.int8())], schema=schema))
    assert survey.faults == {check.fact: at_fault}


def test_no_rows_give_an_empty_sample():
    survey = survey_of([], 2)
    assert (survey.faults, survey.sample(SCHEMA).num_rows) == ({"negative": 0}, 0)


def test_duplicates_and_shared_values_are_counted():
    assert duplicates(pa.array(["a", "b", "a", None, "a", None])) == 2
    splits = [pa.array(["a", "a", "b"]), pa.array(["b", "c", None]), pa.array(["b", "a", None])]
    assert shared(splits) == 3
    assert shared([pa.array([], pa.string()), pa.array(["a"])]) == 0
    assert len(joined([])) == 0
    assert (total(joined([])), total(pa.array([1, None, 2]))) == (0, 3)


def test_blank_and_shown_texts():
    texts = pa.array(["", None, " \n\u00a0", " x "])
    assert is_blank(texts).to_pylist() == [True, True, True, False]
    long = "  " + "é" * 1_000
    assert shown(pa.array([long])).to_pylist() == ["é" * contract.SHOWN_CHARACTERS]
