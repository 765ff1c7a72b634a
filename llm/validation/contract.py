"""A contract: facts measured on every row, a bounded sample of rows, and what is expected of both.

Great Expectations, and pandas beneath it, sees one row of facts and the sample. The first rows at
fault stand beside the facts as cases, by file and row, so that whoever mends the data finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

CASES = 10  # rows at fault that are named, per fault
_QUOTED_CHARACTERS = 64  # of a value in a case

Where = Callable[[int], str]  # the number of a row → the place where a person finds it


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One expectation: its Great Expectations type, its column, its arguments and its meaning."""

    expectation: str
    column: str
    arguments: Mapping[str, Any]
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row at fault: where it stands, as "FILE, row 4", and what was found there."""

    where: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What no row may be: the fact that counts such rows, the rule in words, the first of them."""

    fact: str
    count: int
    meaning: str
    cases: Sequence[Case] = ()


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What Great Expectations checks.

    facts: measured on every row, each a column of a one-row table. sample: some rows, offending
    ones among them. fact_rules, sample_rules: what is expected of them.
    cases: by fact, rows at fault. statistics: what describes the data without being right or
    wrong, for the gate of drift: numbers, and counts by name of what has shares.
    """

    suite: str
    facts: Mapping[str, int | float]
    fact_rules: list[Rule]
    cases: Mapping[str, Sequence[Case]] = field(default_factory=dict)
    sample: pa.Table = field(default_factory=lambda: pa.table({}))
    sample_rules: list[Rule] = field(default_factory=list)
    statistics: Mapping[str, Any] = field(default_factory=dict)


def make_contract(
    *,
    suite: str,
    facts: Mapping[str, int | float],
    rules: Sequence[Rule],
    faults: Sequence[Fault],
    **more: Any,
) -> Contract:
    """A contract of measured facts with their rules, and of faults, of which there may be none.

    more: further fields of the contract.
    """
    return Contract(
        suite=suite,
        facts={**facts, **{fault.fact: fault.count for fault in faults}},
        fact_rules=[*rules, *(at_most(fault.fact, 0, fault.meaning) for fault in faults)],
        cases={fault.fact: fault.cases for fault in faults if fault.cases},
        **more,
    )


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


def quoted(value: object) -> str:
    """A value in a case: as Python writes it, so that white space is seen, and not too long."""
    if value is None:
        return "missing"
    if not isinstance(value, str) or len(value) <= _QUOTED_CHARACTERS:
        return repr(value)
    return f"{value[:_QUOTED_CHARACTERS]!r}…"
