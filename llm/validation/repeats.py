"""What must not stand twice: an id in one split, and ids, clusters or prompts in two."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import CASES, Case, Fault, Where, quoted


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of one split, whole, in the order of its rows. where: a row's number → its place."""

    values: pa.Array
    where: Where


def end_to_end(columns: Iterable[Column]) -> Column:
    """Several columns as one."""
    several = list(columns)
    ends = list(accumulate(len(column.values) for column in several))

    def where(number: int) -> str:
        which = bisect.bisect_right(ends, number)
        return several[which].where(number - (ends[which] - len(several[which].values)))

    return Column(values=pa.concat_arrays([column.values for column in several]), where=where)


def repeated(fact: str, columns: Iterable[Column], meaning: str) -> Fault:
    """The fault that a value stands twice in one column; every further time counts."""
    several = list(columns)
    cases = [
        _case(value, [(column, 2)])
        for column in several
        for value in _values_of_several(column.values)
    ]
    count = sum(duplicates(column.values) for column in several)
    return Fault(fact=fact, count=count, meaning=meaning, cases=cases[:CASES])


def shared(fact: str, columns: Iterable[Column], meaning: str) -> Fault:
    """The fault that a value stands in two columns; every further column counts."""
    several = list(columns)
    values = pa.concat_arrays([pc.drop_null(column.values.unique()) for column in several])
    cases = [
        _case(value, [(column, 1) for column in several]) for value in _values_of_several(values)
    ]
    return Fault(fact=fact, count=duplicates(values), meaning=meaning, cases=cases)


def apart(
    noun: str, ids: Mapping[str, Column], clusters: Mapping[str, Column]
) -> tuple[Fault, Fault, Fault]:
    """What holds of any splits: no id twice in one or in two, no cluster in two.

    noun: what a row is called.
    """
    return (
        repeated("duplicate_ids", ids.values(), f"no {noun} stands twice in a split"),
        shared("ids_in_two_splits", ids.values(), f"no {noun} stands in two splits"),
        shared(
            "clusters_in_two_splits", clusters.values(), "no near-duplicates stand in two splits"
        ),
    )


def duplicates(values: pa.Array) -> int:
    """How many values are the second or a later one of their kind; nulls apart."""
    return len(values) - values.null_count - int(pc.count_distinct(values).as_py())


def _values_of_several(values: pa.Array) -> pa.Array:
    """The first values that stand there more than once; nulls apart."""
    if not duplicates(values):
        return values[:0]
    counted = pc.value_counts(pc.drop_null(values))
    return counted.field("values").filter(pc.greater(counted.field("counts"), 1))[:CASES]


def _case(value: pa.Scalar, columns: Sequence[tuple[Column, int]]) -> Case:
    """A case of a value: its first places in some columns, up to a number in each."""
    places = [
        column.where(int(number))
        for column, most in columns
        for number in np.flatnonzero(
            pc.fill_null(pc.equal(column.values, value), False).to_numpy(zero_copy_only=False)
        )[:most]
    ]
    return Case(where=" and ".join(places), found=quoted(value.as_py()))
