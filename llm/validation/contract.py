"""A contract: facts measured on every row, a bounded sample of rows, and what is expected of both.

The engine (Arrow) looks at all rows, batch by batch; Great Expectations, and pandas beneath it,
sees one row of facts and the sample. Every offending row up to a limit is part of the sample, so
that Data Docs show what is wrong, and the verdict never hangs on chance.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE_ROWS = 10_000  # rows that pandas sees, spread evenly over the data
OFFENDING_ROWS = 100  # offending rows added to them
SHOWN_CHARACTERS = 500  # of a text in the sample

Mask = Callable[[pa.RecordBatch], pa.Array]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One expectation: its Great Expectations type, its column, its arguments and its meaning."""

    expectation: str
    column: str
    arguments: Mapping[str, Any]
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What Great Expectations checks.

    facts: measured on every row, each a column of a one-row table. sample: at most SAMPLE_ROWS
    rows and OFFENDING_ROWS offending ones. fact_rules, sample_rules: what is expected of them.
    statistics: what describes the data without being right or wrong, for the gate of drift:
    numbers, and counts by name of what has shares.
    """

    suite: str
    facts: Mapping[str, int | float]
    fact_rules: list[Rule]
    sample: pa.Table = field(default_factory=lambda: pa.table({}))
    sample_rules: list[Rule] = field(default_factory=list)
    statistics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Check:
    """A fault that a single row can have: the fact that counts it, its mask, and the rule in words.

    mask: a batch → boolean array, true where the row is at fault.
    """

    fact: str
    mask: Mask
    meaning: str

    def rule(self) -> Rule:
        """The expectation that no row has this fault."""
        return at_most(self.fact, 0, self.meaning)


@dataclass
class Survey:
    """Counts the faults of every row and keeps the sample, batch by batch.

    rows: how many rows will come, which sets the step of the sample.
    """

    checks: list[Check]
    rows: int
    faults: dict[str, int] = field(init=False)
    seen: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.faults = {check.fact: 0 for check in self.checks}
        self._step = max(1, -(-self.rows // SAMPLE_ROWS))
        self._sampled: list[pa.RecordBatch] = []
        self._offending: list[pa.RecordBatch] = []
        self._room = OFFENDING_ROWS

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        at_fault = pa.array([False] * len(batch), pa.bool_())
        for check in self.checks:
            mask = pc.fill_null(check.mask(batch), True)  # what cannot be judged is at fault
            self.faults[check.fact] += pc.sum(mask).as_py() or 0
            at_fault = pc.or_(at_fault, mask)
        positions = np.arange(self.seen, self.seen + len(batch))
        chosen = pa.array(positions % self._step == 0)
        self._sampled.append(batch.filter(chosen))
        extra = batch.filter(pc.and_not(at_fault, chosen)).slice(0, self._room)
        self._offending.append(extra)
        self._room -= len(extra)
        self.seen += len(batch)

    def sample(self, schema: pa.Schema) -> pa.Table:
        """The sample: rows spread evenly, then offending ones that the step left out."""
        return pa.Table.from_batches([*self._sampled, *self._offending], schema=schema)


def between(fact: str, minimum: float | None, maximum: float | None, meaning: str) -> Rule:
    """The fact lies between two bounds, both included; None is no bound."""
    bounds = {"min_value": minimum, "max_value": maximum}
    return Rule(
        expectation="expect_column_max_to_be_between",
        column=fact,
        arguments={name: value for name, value in bounds.items() if value is not None},
        meaning=meaning,
    )


def at_least(fact: str, minimum: float, meaning: str) -> Rule:
    """The fact is at least this large."""
    return between(fact, minimum, None, meaning)


def at_most(fact: str, maximum: float, meaning: str) -> Rule:
    """The fact is at most this large."""
    return between(fact, None, maximum, meaning)


def not_null(column: str) -> Rule:
    """No row of the sample lacks a value."""
    return Rule(
        expectation="expect_column_values_to_not_be_null",
        column=column,
        arguments={},
        meaning=f"every row has a value in {column}",
    )


def each(column: str, expectation: str, meaning: str, **arguments: Any) -> Rule:
    """An expectation on every value of a column of the sample."""
    return Rule(
        expectation=f"expect_column_values_to_{expectation}",
        column=column,
        arguments=arguments,
        meaning=meaning,
    )


def filled(fact: str, column: str, meaning: str) -> Check:
    """Counts the rows whose text is blank."""
    return Check(fact=fact, mask=lambda row: is_blank(row.column(column)), meaning=meaning)


def matching(fact: str, column: str, pattern: str, meaning: str) -> Check:
    """Counts the rows whose text has no match of a regular expression (RE2)."""
    return Check(
        fact=fact,
        mask=lambda row: pc.invert(pc.match_substring_regex(row.column(column), pattern)),
        meaning=meaning,
    )


def one_of(fact: str, column: str, values: Collection[Any], meaning: str) -> Check:
    """Counts the rows whose value is none of `values`, which fit the column's type."""
    return Check(
        fact=fact,
        mask=lambda row: pc.invert(
            pc.is_in(row.column(column), pa.array(list(values), row.column(column).type))
        ),
        meaning=meaning,
    )


def is_blank(texts: pa.Array) -> pa.Array:
    """True where a text is null or holds white space only."""
    return pc.fill_null(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0), True)


def shown(texts: pa.Array) -> pa.Array:
    """The first characters of each text from its first visible one on, for the sample."""
    return pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(texts), 0, SHOWN_CHARACTERS)


def joined(arrays: Iterable[pa.Array]) -> pa.Array:
    """Arrays of one type, end to end; none give an empty one of strings."""
    several = list(arrays)
    return pa.concat_arrays(several) if several else pa.array([], pa.string())


def total(values: pa.Array) -> int:
    """The sum of whole numbers; of none, 0."""
    return int(pc.sum(values.cast(pa.int64())).as_py() or 0)


def duplicates(values: pa.Array) -> int:
    """How many values are the second or a later one of their kind; nulls apart."""
    return len(values) - values.null_count - int(pc.count_distinct(values).as_py())


def shared(splits: Iterable[pa.Array]) -> int:
    """How many values stand in more than one split, counted once per further split."""
    return duplicates(pa.concat_arrays([pc.drop_null(values.unique()) for values in splits]))
