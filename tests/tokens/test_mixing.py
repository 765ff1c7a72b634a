"""Mixed rows: every row as often as asked, its copies a round apart, with ids of their own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from llm.tokens.mixing import mixed_rows
from llm.tokens.shards import read_batches, token_schema
from llm.tokens.tokenizer import train
from llm.tokens.writing import write_rows

SPEAKER = train(["a few words, again and again " * 20], vocab_size=270)


@pytest.fixture
def shards(tmp_path):
    rows = [
        {"id": f"d{n}", "source": "s", "cluster": f"d{n}", "n_bytes": 4, "token_ids": ids}
        for n in range(5)
        for ids in [[*SPEAKER.encode(f"a {n} "), SPEAKER.end_of_text]]
    ]
    tables = [pa.Table.from_pylist(rows, schema=token_schema(270))]
    write_rows(tables, tmp_path / "plain", tokenizer=SPEAKER, shard_tokens=8, threads=1)
    return tmp_path / "plain"


def test_rows_come_round_by_round(shards):
    tables = list(mixed_rows(shards, np.array([1, 0, 3, 2, 1])))
    rows = pa.concat_tables(tables)
    assert rows["id"].to_pylist() == ["d0", "d2", "d3", "d4", "d2+1", "d3+1", "d2+2"]
    assert rows["cluster"].to_pylist() == ["d0", "d2", "d3", "d4", "d2", "d3", "d2"]
    ids = rows["token_ids"].to_pylist()
    assert ids[1] == ids[4] == ids[6] != ids[0]
    assert rows.schema.equals(token_schema(270))


def test_each_row_once_is_the_same_folder(shards, tmp_path):
    rows = mixed_rows(shards, np.ones(5, dtype=np.int64))
    counts = write_rows(rows, tmp_path / "mixed", tokenizer=SPEAKER, shard_tokens=8, threads=2)
    assert counts.documents == 5
    for part in shards.iterdir():
        assert (tmp_path / "mixed" / part.name).read_bytes() == part.read_bytes()


def test_nothing_asked_gives_nothing(shards):
    assert list(mixed_rows(shards, np.zeros(5, dtype=np.int64))) == []
    assert sum(map(len, read_batches(shards))) == 5
