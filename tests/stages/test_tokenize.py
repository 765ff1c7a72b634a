"""The stage tokenize: both splits, their metrics, and the same bytes every time."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.errors import InputError
from llm.files import read_manifest, write_parquet
from llm.stages.tokenize import Config, run
from llm.tokens.shards import read_tokens
from llm.tokens.tokenizer import train
from llm.tracking import MemoryTracker

TEXTS = [f"The fox number {n} went over the hill to the {n} hens." * 3 for n in range(80)]


@pytest.fixture
def inputs(tmp_path):
    for split, texts in (("train", TEXTS[:70]), ("validation", TEXTS[70:])):
        rows = sorted(
            (
                {"id": document_id(t), "text": t, "source": "tales", "cluster": document_id(t)}
                for t in texts
            ),
            key=lambda row: row["id"],
        )
        table = pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)
        write_parquet(table, tmp_path / split / "part-00000.parquet")
    train(TEXTS, vocab_size=300).save(tmp_path / "tokenizer")
    return {
        "train_documents": tmp_path / "train",
        "validation_documents": tmp_path / "validation",
        "tokenizer": tmp_path / "tokenizer",
    }


def outputs(folder):
    return {"train": folder / "train", "validation": folder / "validation"}


def test_both_splits_are_written_counted_and_repeat(inputs, tmp_path, monkeypatch):
    config = Config(shard_tokens=1_000)
    tracker = MemoryTracker()
    metrics = run(config, **inputs, **outputs(tmp_path / "a"), tracker=tracker)
    monkeypatch.setenv("LLM_THREADS", "1")
    assert run(config, **inputs, **outputs(tmp_path / "b"), tracker=MemoryTracker()) == metrics
    for split, count in (("train", 70), ("validation", 10)):
        token_ids, starts = read_tokens(tmp_path / "a" / split)
        assert len(starts) == metrics[split]["documents"] == count
        assert len(token_ids) == metrics[split]["tokens"] == metrics[f"{split}_tokens"]
        assert read_manifest(tmp_path / "a" / split, made_by="") == read_manifest(
            tmp_path / "b" / split, made_by=""
        )
    assert metrics["vocab_size"] == 300
    assert 1 < metrics["bytes_per_token"] < 20
    assert tracker.timings["megabytes_per_second"] > 0


def test_an_empty_split_is_refused(inputs, tmp_path):
    part = inputs["validation_documents"] / "part-00000.parquet"
    write_parquet(DOCUMENT_SCHEMA.empty_table(), part)
    with pytest.raises(InputError, match="no document"):
        run(
            Config(shard_tokens=1_000),
            **inputs,
            **outputs(tmp_path / "a"),
            tracker=MemoryTracker(),
        )
    assert not (tmp_path / "a" / "validation").exists()
