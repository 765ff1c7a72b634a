"""What must not stand twice is counted, and named by its value and its places."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.validation.contract import CASES, Case
from llm.validation.repeats import Column, apart, duplicates, end_to_end, repeated, shared


def column(name, *values):
    return Column(values=pa.array(values, pa.string()), where=lambda row: f"{name} {row}")


def test_every_further_time_in_a_column_counts():
    fault = repeated("twice", [column("a", "x", "y", "x", None, "x", None)], "no twice")
    assert (fault.fact, fault.count, fault.meaning) == ("twice", 2, "no twice")
    assert fault.cases == [Case(where="a 0 and a 2", found="'x'")]
    apart_columns = [column("a", "x"), column("b", "x")]
    assert repeated("twice", apart_columns, "").count == 0
    whole = repeated("twice", [end_to_end(apart_columns)], "")
    assert (whole.count, whole.cases[0].where) == (1, "a 0 and b 0")


def test_every_further_column_counts_once():
    columns = [column("a", "x", "x", "y"), column("b", "y", "z", None), column("c", "y", "x", None)]
    fault = shared("both", columns, "none in two")
    assert fault.count == 3
    assert fault.cases == [
        Case(where="a 0 and c 1", found="'x'"),
        Case(where="a 2 and b 0 and c 0", found="'y'"),
    ]
    assert shared("both", [column("a"), column("b", "x")], "").count == 0


@pytest.mark.parametrize("find", [repeated, shared])
def test_only_the_first_cases_are_named(find):
    values = [str(number) for number in range(100)]
    once, again = column("a", *values), column("b", *values)
    fault = find("f", [once, again] if find is shared else [end_to_end([once, again])], "")
    assert (fault.count, len(fault.cases)) == (100, CASES)
    assert fault.cases[3].where == "a 3 and b 3"


def test_splits_that_share_an_id_or_a_cluster_are_not_apart():
    ids = {"train": column("train", "a", "b", "b"), "test": column("test", "c", "a")}
    clusters = {"train": column("train", "k", "k", "l"), "test": column("test", "m", "l")}
    faults = apart("fable", ids, clusters)
    assert {fault.fact: fault.count for fault in faults} == {
        "duplicate_ids": 1,
        "ids_in_two_splits": 1,
        "clusters_in_two_splits": 1,
    }
    assert [fault.cases[0].where for fault in faults] == [
        "train 1 and train 2",
        "train 0 and test 1",
        "train 2 and test 1",
    ]
    assert "no fable stands twice" in faults[0].meaning


def test_nulls_are_no_duplicates():
    assert duplicates(pa.array(["a", "b", "a", None, "a", None])) == 2
