"""Units of work: nothing lost, bounded, the same whatever stands beside them, remembered."""

import json
import pickle
from typing import Any

import pytest

from llm.corpus import units
from llm.corpus.records import Record, read_records
from llm.corpus.units import UnitCleaner, trips, units_of
from llm.work_cache import WorkCache
from tests.corpus.test_cleaning import GOOD


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """Three files: 40 lines, which make several units; one text; one that cannot be read."""
    monkeypatch.setattr(units, "UNIT_BYTES", 1000)
    lines = [json.dumps({"text": f"{GOOD} {n}"}) for n in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "b.txt").write_text(GOOD)
    (tmp_path / "c.bin").write_bytes(b"\0")
    return tmp_path


def ledger(*names):
    return [{"file": name, "name": "s", "licence": "l"} for name in names]


def test_units_hold_every_record_once_in_order_and_one_file_each(raw):
    rows = ledger("a.jsonl", "b.txt", "c.bin")
    found = list(units_of(raw, rows))
    assert [record for unit in found for record in unit] == list(read_records(raw, rows))
    assert len(found) > 4
    assert all(sum(len(r.data or "") for r in unit[:-1]) < 1000 for unit in found)
    assert list(units_of(raw, ledger("b.txt"))) == [found[-2]]


def test_lines_added_at_the_end_leave_earlier_units_as_they_were(raw):
    before = list(units_of(raw, ledger("a.jsonl")))
    with (raw / "a.jsonl").open("a") as stream:
        stream.write("\n" + json.dumps({"text": "One more line."}))
    after = list(units_of(raw, ledger("a.jsonl")))
    assert before[:-1] == after[: len(before) - 1]


def test_small_units_travel_together(monkeypatch):
    monkeypatch.setattr(units, "_TRIP_BYTES", 100)
    monkeypatch.setattr(units, "_TRIP_UNITS", 3)
    sizes = [10, 10, 10, 10, 90, 20, 500, 1]
    many = [(Record("", "s", "l", "x" * size),) for size in sizes]
    found = list(trips(many))
    assert [unit for trip in found for unit in trip] == many
    assert list(map(len, found)) == [3, 2, 1, 1, 1]


def test_the_second_time_is_remembered_and_gives_the_same(raw, tmp_path, cleaner):
    units_cleaner = UnitCleaner(cleaner, WorkCache(tmp_path / "cache"))
    units_cleaner = pickle.loads(pickle.dumps(units_cleaner))
    many = list(units_of(raw, ledger("a.jsonl", "b.txt", "c.bin")))
    first, second = units_cleaner(many), units_cleaner(many)
    assert not any(unit.remembered for unit in first)
    assert all(unit.remembered for unit in second)
    for one, two in zip(first, second, strict=True):
        assert (one.key, one.facts) == (two.key, two.facts)
        assert one.kept.equals(two.kept)
        assert one.rejects.equals(two.rejects)
    assert sum(unit.kept.num_rows for unit in first) == 41
    assert [unit.rejects["reason"].to_pylist() for unit in first][-1] == ["unknown_format"]


def test_a_record_that_differs_in_any_field_is_another_unit(cleaner):
    units_cleaner = UnitCleaner(cleaner, WorkCache(None))
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
    keys = {units_cleaner([(Record(**{**facts, **change}),)])[0].key for change in changes}
    assert len(keys) == len(changes)
