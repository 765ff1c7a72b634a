"""Units of work: nothing lost, bounded, the same whatever stands beside them, remembered."""

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm.corpus import units
from llm.corpus.reading import parquet, tables
from llm.corpus.reading.records import Record, read_records, read_unit
from llm.corpus.units import Unit, UnitCleaner, trips, units_of
from llm.work_cache import WorkCache
from tests.corpus.test_cleaning import GOOD


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """A file of 40 lines, which is read in several pieces, the same compressed, a text, a CSV of
    many rows, and what cannot be read."""
    monkeypatch.setattr(units, "UNIT_BYTES", 1000)
    monkeypatch.setattr(tables, "SPAN_BYTES", 1000)
    lines = "\n".join(json.dumps({"text": f"{GOOD} {n}"}) for n in range(40))
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "b.txt").write_text(GOOD)
    (tmp_path / "c.bin").write_bytes(b"\0")
    (tmp_path / "d.csv").write_text("\n".join(["text", *(f"{GOOD} {n}" for n in range(40))]))
    return tmp_path


NAMES = ("a.jsonl", "a.jsonl.gz", "b.txt", "d.csv", "c.bin")


def ledger(*names):
    return [{"file": name, "name": "s", "licence": "l"} for name in names]


@pytest.fixture
def clean(raw, cleaner):
    """A function that cleans files of `raw`, with a cache in a folder or without."""

    def run(folder, *names):
        work = UnitCleaner(raw, cleaner, WorkCache(folder))
        work = pickle.loads(pickle.dumps(work))  # as another process gets it
        return work(list(units_of(raw, ledger(*names))))

    return run


def read(raw, unit):
    return list(unit.part if isinstance(unit.part, tuple) else read_unit(raw, unit.part))


def test_units_hold_every_record_once_and_in_order(raw):
    found = list(units_of(raw, ledger(*NAMES)))
    records = [record for unit in found for record in read(raw, unit)]
    assert records == list(read_records(raw, ledger(*NAMES)))
    assert len(found) > 12
    for unit in found:
        assert sum(len(record.data or "") for record in read(raw, unit)[:-1]) < 1000


def test_workers_read_what_is_bounded(raw):
    kinds = {
        name: {type(unit.part).__name__ for unit in units_of(raw, ledger(name))} for name in NAMES
    }
    assert kinds == {
        "a.jsonl": {"Unit"},
        "a.jsonl.gz": {"tuple"},
        "b.txt": {"Unit"},
        "d.csv": {"tuple"},
        "c.bin": {"Unit"},
    }


def test_a_large_row_group_is_no_single_unit(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "UNIT_BYTES", 1000)
    monkeypatch.setattr(parquet, "SPAN_BYTES", 1000)
    table = pa.table({"text": [f"{GOOD} {n}" for n in range(100)]})
    for name, group in (("one.parquet", 100), ("many.parquet", 10)):
        pq.write_table(table, tmp_path / name, row_group_size=group, compression="none")
    one, many = (list(units_of(tmp_path, ledger(f"{name}.parquet"))) for name in ("one", "many"))
    assert len(one) > 5
    assert all(isinstance(unit.part, tuple) and unit.size < 2000 for unit in one)
    assert {type(unit.part).__name__ for unit in many} == {"Unit"}
    texts = [[r.data for unit in found for r in read(tmp_path, unit)] for found in (one, many)]
    assert texts == [table["text"].to_pylist()] * 2


def test_another_file_changes_no_unit(clean):
    alone = [unit.key for unit in clean(None, "b.txt")]
    assert alone == [unit.key for unit in clean(None, "d.csv", "b.txt")][-1:]


def test_lines_added_at_the_end_leave_earlier_units_as_they_were(raw, clean):
    before = [unit.key for unit in clean(None, "a.jsonl")]
    with (raw / "a.jsonl").open("a") as stream:
        stream.write("\n" + json.dumps({"text": "One more line."}))
    after = [unit.key for unit in clean(None, "a.jsonl")]
    assert before[:-1] == after[: len(before) - 1]
    assert before[-1] not in after


def test_small_units_travel_together(monkeypatch):
    monkeypatch.setattr(units, "_TRIP_BYTES", 100)
    monkeypatch.setattr(units, "_TRIP_UNITS", 3)
    many = [Unit((), size) for size in (10, 10, 10, 10, 90, 20, 500, 1)]
    found = list(trips(many))
    assert [unit for trip in found for unit in trip] == many
    assert list(map(len, found)) == [3, 2, 1, 1, 1]


def test_the_second_time_is_remembered_and_gives_the_same(clean, tmp_path):
    first = clean(tmp_path / "cache", *NAMES)
    second = clean(tmp_path / "cache", *NAMES)
    assert not any(unit.remembered for unit in first)
    assert all(unit.remembered for unit in second)
    for one, two in zip(first, second, strict=True):
        assert (one.key, one.facts) == (two.key, two.facts)
        assert one.kept.equals(two.kept)
        assert one.rejects.equals(two.rejects)
    assert sum(unit.kept.num_rows for unit in first) == 121
    assert [unit.rejects["reason"].to_pylist() for unit in first][-1] == ["unknown_format"]


def test_a_record_that_differs_in_any_field_is_another_unit(cleaner):
    work = UnitCleaner(Path(), cleaner, WorkCache(None))
    facts: dict[str, Any] = {"raw_id": "r", "source": "s", "licence": "l", "data": GOOD}
    changes: list[dict[str, Any]] = [
        {},
        {"raw_id": "r2"},
        {"source": "s2"},
        {"licence": "l2"},
        {"data": GOOD + "!"},
        {"data": GOOD.encode()},
        {"html": True},
        {"data": None, "fault": "broken_record"},
        {"data": GOOD + "\ud800"},
        {"data": GOOD + "\udfff"},
    ]
    keys = {work([Unit((Record(**{**facts, **change}),), 1)])[0].key for change in changes}
    assert len(keys) == len(changes)
