"""A survey: every row looked at by the engine, batch by batch, for faults that a row can have.

Every offending row up to a limit is part of the sample that Great Expectations sees, so that Data
Docs show what is wrong, and the verdict never hangs on chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import CASES, Case, Fault, Where, quoted

SAMPLE_ROWS = 10_000  # rows that pandas sees, spread evenly over the data
OFFENDING_ROWS = 100  # offending rows added to them
SHOWN_CHARACTERS = 500  # of a text in the sample

Mask = Callable[[pa.RecordBatch], pa.Array]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A fault that a single row can have: the fact that counts it, its mask, and the rule in words.

    mask: a batch → boolean array, true where the row is at fault. column: shows what is wrong.
    """

    fact: str
    column: str
    mask: Mask
    meaning: str


@dataclass
class Survey:
    """Counts the faults of every row and keeps cases and the sample, batch by batch.

    rows: how many rows will come, which sets the step of the sample.
    """

    checks: list[Check]
    rows: int
    counts: dict[str, int] = field(init=False)
    seen: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.counts = {check.fact: 0 for check in self.checks}
        self._cases: dict[str, list[Case]] = {check.fact: [] for check in self.checks}
        self._step = max(1, -(-self.rows // SAMPLE_ROWS))
        self._sampled: list[pa.RecordBatch] = []
        self._offending: list[pa.RecordBatch] = []
        self._room = OFFENDING_ROWS

    def add(self, batch: pa.RecordBatch, where: Where) -> None:
        """Take the next rows. where: the number of a row in the batch → its place."""
        at_fault = pa.array([False] * len(batch), pa.bool_())
        for check in self.checks:
            mask = pc.fill_null(check.mask(batch), True)  # what cannot be judged is at fault
            found = pc.sum(mask).as_py() or 0
            if found:
                self.counts[check.fact] += found
                self._keep_cases(check, batch, mask, where)
                at_fault = pc.or_(at_fault, mask)
        positions = np.arange(self.seen, self.seen + len(batch))
        chosen = pa.array(positions % self._step == 0)
        self._sampled.append(batch.filter(chosen))
        extra = batch.filter(pc.and_not(at_fault, chosen)).slice(0, self._room)
        self._offending.append(extra)
        self._room -= len(extra)
        self.seen += len(batch)

    def faults(self) -> list[Fault]:
        """What was found of every check."""
        return [
            Fault(
                fact=check.fact,
                count=self.counts[check.fact],
                meaning=check.meaning,
                cases=self._cases[check.fact],
            )
            for check in self.checks
        ]

    def sample(self, schema: pa.Schema) -> pa.Table:
        """The sample: rows spread evenly, then offending ones that the step left out."""
        return pa.Table.from_batches([*self._sampled, *self._offending], schema=schema)

    def _keep_cases(
        self, check: Check, batch: pa.RecordBatch, mask: pa.Array, where: Where
    ) -> None:
        cases = self._cases[check.fact]
        for number in pc.indices_nonzero(mask)[: CASES - len(cases)].to_pylist():
            found = f"{check.column} {quoted(batch.column(check.column)[number].as_py())}"
            if "id" in batch.schema.names and check.column != "id":
                found += f", id {batch.column('id')[number].as_py()}"
            cases.append(Case(where=where(number), found=found))


def filled(fact: str, column: str, meaning: str) -> Check:
    """Counts the rows whose text is blank."""
    return Check(
        fact=fact,
        column=column,
        mask=lambda row: is_blank(row.column(column)),
        meaning=meaning,
    )


def matching(fact: str, column: str, pattern: str, meaning: str) -> Check:
    """Counts the rows whose text has no match of a regular expression (RE2)."""
    return Check(
        fact=fact,
        column=column,
        mask=lambda row: pc.invert(pc.match_substring_regex(row.column(column), pattern)),
        meaning=meaning,
    )


def one_of(fact: str, column: str, values: Collection[Any], meaning: str) -> Check:
    """Counts the rows whose value is none of `values`, which fit the column's type."""
    return Check(
        fact=fact,
        column=column,
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


def content_ids(texts: pa.Array) -> pa.Array:
    """The ids of texts, as llm.corpus.documents defines them; counted anew, as a check must."""
    return pa.array(
        [None if text is None else _id(text) for text in texts.to_pylist()], pa.string()
    )


def _id(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def total(values: pa.Array) -> int:
    """The sum of whole numbers; of none, 0."""
    return int(pc.sum(values.cast(pa.int64())).as_py() or 0)
