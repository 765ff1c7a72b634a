"""Raw records in units of work, each cleaned by itself, and remembered by what it holds.

A unit's result depends on its own records and never on other files: that is why a killed run goes
on where it was, and why one new file costs one file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm.corpus.cleaning import Cleaner
from llm.corpus.documents import DOCUMENT_SCHEMA, REJECT_SCHEMA
from llm.corpus.records import Record, read_records
from llm.work_cache import Entry, WorkCache, key_of

UNIT_BYTES = 4 * 1024 * 1024
_TRIP_UNITS = 64
_TRIP_BYTES = 1024 * 1024

Unit = tuple[Record, ...]


def units_of(raw: Path, ledger: Sequence[Mapping[str, Any]]) -> Iterator[Unit]:
    """Read the files of a raw folder, in the order of its ledger, as units.

    A unit holds records of one file, about 4 MiB or one longer record; lines added at the end of
    a file leave the units before them as they were. Memory holds one unit.
    """
    for row in ledger:
        waiting: list[Record] = []
        size = 0
        for record in read_records(raw, [row]):
            waiting.append(record)
            size += _size(record)
            if size >= UNIT_BYTES:
                yield tuple(waiting)
                waiting, size = [], 0
        if waiting:
            yield tuple(waiting)


def trips(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    """Units for one trip to a worker: many small ones, up to 1 MiB, or one."""
    trip: list[Unit] = []
    trip_size = 0
    for unit in units:
        size = sum(map(_size, unit))
        if trip and (trip_size + size > _TRIP_BYTES or len(trip) == _TRIP_UNITS):
            yield trip
            trip, trip_size = [], 0
        trip.append(unit)
        trip_size += size
    if trip:
        yield trip


def _size(record: Record) -> int:
    return len(record.data or "") + len(record.raw_id)


@dataclass(frozen=True)
class CleanedUnit:
    """What became of a unit.

    kept, rejects: tables of DOCUMENT_SCHEMA and REJECT_SCHEMA, in the order of its records.
    facts: the counts of `Cleaned`. remembered: it came from the cache.
    """

    key: str
    kept: pa.Table
    rejects: pa.Table
    facts: Mapping[str, Any]
    remembered: bool


@dataclass(frozen=True)
class UnitCleaner:
    """Cleans units, or takes them from the cache; picklable, so that any process can do it."""

    cleaner: Cleaner
    cache: WorkCache

    def __call__(self, units: Sequence[Unit]) -> list[CleanedUnit]:
        """Clean the units of one trip. Each is remembered as soon as it is done."""
        return [self._clean(unit) for unit in units]

    def _clean(self, unit: Unit) -> CleanedUnit:
        # repr shows every field, bytes and lone surrogates too, in ASCII or UTF-8, and one way.
        key = key_of(content="\n".join(map(repr, unit)).encode("utf-8"))
        entry = self.cache.get(key)
        remembered = entry is not None
        if entry is None:
            entry = self._work(unit)
            self.cache.put(key, entry)
        return CleanedUnit(
            key, entry.tables["kept"], entry.tables["rejects"], entry.facts, remembered
        )

    def _work(self, unit: Unit) -> Entry:
        facts = dict(vars(self.cleaner(unit)))
        return Entry(
            tables={
                "kept": pa.Table.from_pylist(facts.pop("kept"), schema=DOCUMENT_SCHEMA),
                "rejects": pa.Table.from_pylist(facts.pop("rejects"), schema=REJECT_SCHEMA),
            },
            facts=json.loads(json.dumps(facts)),  # as the cache gives them
        )
