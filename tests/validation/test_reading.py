"""Reading for a contract: columns checked, every row seen once, what is kept stays by split."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm.errors import InputError
from llm.validation.contract import Check, Survey
from llm.validation.reading import apart, columns, read_columns, row_count, survey_splits

SCHEMA = pa.schema([("n", pa.int64())])


def test_a_file_that_cannot_keep_the_contract_is_refused(tmp_path):
    path = tmp_path / "part-00000.parquet"
    with pytest.raises(InputError, match="missing"):
        row_count([path], made_by="split")
    pq.write_table(pa.table({"n": ["x"], "m": [1]}), path)
    assert row_count([path], made_by="split") == 1
    with pytest.raises(InputError, match="other types"):
        list(read_columns([path], SCHEMA, made_by="split"))
    with pytest.raises(InputError, match="lacks columns"):
        list(read_columns([path], pa.schema([("k", pa.int64())]), made_by="split"))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="truncated"):
        list(read_columns([path], SCHEMA, made_by="split"))


def test_every_split_is_surveyed_and_kept_whole():
    negative = Check(
        fact="negative", mask=lambda row: pc.less(row.column("n"), 0), meaning="no n is negative"
    )
    survey = Survey([negative], rows=5)
    table = pa.table({"n": [1, -2, 3]}, schema=SCHEMA)
    kept = survey_splits(
        survey,
        {"train": table.to_batches(max_chunksize=2), "test": table.to_batches(), "none": []},
        row=lambda _split, batch: batch,
        keep={**columns("n"), "twice": lambda batch: pc.multiply(batch["n"], 2)},
    )
    assert (survey.seen, survey.faults) == (6, {"negative": 2})
    assert kept["n"]["train"].to_pylist() == [1, -2, 3]
    assert kept["twice"]["test"].to_pylist() == [2, -4, 6]
    assert len(kept["n"]["none"]) == 0


def test_splits_that_share_an_id_or_a_cluster_are_not_apart():
    ids = {"train": pa.array(["a", "b", "b"]), "test": pa.array(["c", "a"])}
    clusters = {"train": pa.array(["k", "k", "l"]), "test": pa.array(["m", "l"])}
    separate = apart("fable", ids, clusters)
    assert separate.facts == {
        "duplicate_ids": 1,
        "ids_in_two_splits": 1,
        "clusters_in_two_splits": 1,
    }
    assert [rule.column for rule in separate.rules] == list(separate.facts)
    assert "no fable stands twice" in separate.rules[0].meaning
