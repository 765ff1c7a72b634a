"""Tales as documents, and shards of them, for the tests of writing and of reading."""

from __future__ import annotations

import pyarrow as pa

from llm.tokens.writing import write_shards

TEXTS = [f"Tale {n}: the fox met {n} geese by the ünïçødé river. " * (n % 7 + 1) for n in range(60)]


def batches(texts=TEXTS, rows=16):
    table = pa.table(
        {
            "id": [f"{n:032x}" for n in range(len(texts))],
            "text": texts,
            "source": ["tales"] * len(texts),
            "cluster": [f"{n:032x}" for n in range(len(texts))],
        },
    )
    return table.to_batches(max_chunksize=rows)


def write(directory, tokenizer, **changed):
    options = {"tokenizer": tokenizer, "shard_tokens": 1_000, "threads": 2} | changed
    return write_shards(options.pop("documents", batches()), directory, **options)
