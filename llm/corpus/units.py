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
from llm.corpus.reading import records
from llm.corpus.reading.formats import Format, format_of
from llm.corpus.reading.records import Record, read_unit, work_units
from llm.work_cache import Entry, WorkCache, key_of

UNIT_BYTES = 4 * 1024 * 1024
_TRIP_UNITS = 64
_TRIP_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Unit:
    """What is cleaned and remembered at once.

    part: a raw file, or a piece of it, that the worker reads; or records that were read already.
    size: bytes of the file that it stands for, about.
    """

    part: records.Unit | tuple[Record, ...]
    size: int


def units_of(raw: Path, ledger: Sequence[Mapping[str, Any]]) -> Iterator[Unit]:
    """Cut the files of a raw folder, in the order of its ledger, into units.

    A unit is of one file; lines added at the end of a file leave the units before them as they
    were. Files and pieces of bounded size are read by the workers. What is large or unpacks to an
    unknown size is read here, in runs of records of about 4 MiB. Memory holds one unit.
    """
    for part in work_units(raw, ledger):
        kind, compression = format_of(str(part.row["file"]))
        if compression or _is_large(kind, part.size):
            yield from _runs(read_unit(raw, part))
        else:
            yield Unit(part, part.size)


def _is_large(kind: Format | None, size: int) -> bool:
    """Whether a piece is too large for a worker, which holds it whole. Pieces of texts and lines
    are bounded; a row group of Parquet may have any size, and CSV and WARC come whole."""
    if kind == "parquet":
        return size > 4 * UNIT_BYTES
    return kind in ("csv", "tsv", "warc") and size > UNIT_BYTES


def _runs(found: Iterable[Record]) -> Iterator[Unit]:
    waiting: list[Record] = []
    size = 0
    for record in found:
        waiting.append(record)
        size += len(record.data or "") + len(record.raw_id)
        if size >= UNIT_BYTES:
            yield Unit(tuple(waiting), size)
            waiting, size = [], 0
    if waiting:
        yield Unit(tuple(waiting), size)


def trips(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    """Units for one trip to a worker: many small ones, up to 1 MiB, or one."""
    trip: list[Unit] = []
    size = 0
    for unit in units:
        if trip and (size + unit.size > _TRIP_BYTES or len(trip) == _TRIP_UNITS):
            yield trip
            trip, size = [], 0
        trip.append(unit)
        size += unit.size
    if trip:
        yield trip


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

    raw: Path
    cleaner: Cleaner
    cache: WorkCache

    def __call__(self, units: Sequence[Unit]) -> list[CleanedUnit]:
        """Clean the units of one trip. Each is remembered as soon as it is done."""
        return [self._clean(unit) for unit in units]

    def _clean(self, unit: Unit) -> CleanedUnit:
        part = unit.part
        found = part if isinstance(part, tuple) else tuple(read_unit(self.raw, part))
        key = key_of(content=_bytes_of(found))
        entry = self.cache.get(key)
        remembered = entry is not None
        if entry is None:
            entry = self._work(found)
            self.cache.put(key, entry)
        return CleanedUnit(
            key, entry.tables["kept"], entry.tables["rejects"], entry.facts, remembered
        )

    def _work(self, found: tuple[Record, ...]) -> Entry:
        facts = dict(vars(self.cleaner(found)))
        return Entry(
            tables={
                "kept": pa.Table.from_pylist(facts.pop("kept"), schema=DOCUMENT_SCHEMA),
                "rejects": pa.Table.from_pylist(facts.pop("rejects"), schema=REJECT_SCHEMA),
            },
            facts=json.loads(json.dumps(facts)),  # as the cache gives them
        )


def _bytes_of(found: Iterable[Record]) -> bytes:
    """Every field of every record, with its kind and length: other records have other bytes."""
    pieces: list[bytes] = []
    for record in found:
        for value in vars(record).values():
            # A text may hold lone surrogates.
            data = (
                value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
            )
            pieces += (f"{type(value).__name__} {len(data)} ".encode("ascii"), data)
    return b"".join(pieces)
