"""Which documents stand where in the stream, whatever the shards and row groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from llm.files import write_manifest, write_parquet
from llm.tokens.loader import WindowLoader
from llm.tokens.naming import documents_at
from llm.tokens.shards import read_tokens, token_schema
from llm.tokens.windows import Windows

LENGTHS = [3, 1, 7, 2, 2, 9, 1, 4, 6, 5]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Ten documents in shards of four, row groups of two."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    for part, start in enumerate(range(0, 10, 4)):
        rows = [
            {
                "id": f"d{n}",
                "source": "s",
                "cluster": "c",
                "n_bytes": 1,
                "token_ids": [n] * LENGTHS[n],
            }
            for n in range(start, min(start + 4, 10))
        ]
        table = pa.Table.from_pylist(rows, schema=token_schema(300))
        write_parquet(table, folder / f"part-{part:05d}.parquet", row_group_rows=2)
    write_manifest(
        folder, vocab_size=300, dtype="uint16", tokens=sum(LENGTHS), documents=10, bytes=10,
        tokenizer="t",
    )  # fmt: skip
    return folder


def test_every_span_has_the_documents_of_its_tokens(shards: Path) -> None:
    tokens, _ = read_tokens(shards)  # the id of a token is the number of its document
    spans = [(a, b) for a in range(len(tokens)) for b in range(a + 1, len(tokens) + 1)]
    expected = [[f"d{n}" for n in np.unique(tokens[a:b])] for a, b in spans]
    assert documents_at(shards, spans) == expected


def test_a_loader_describes_its_windows(shards: Path) -> None:
    tokens, _ = read_tokens(shards)
    windows = Windows(token_ids=tokens, context_length=6, stride=6)
    loader = WindowLoader(
        windows, batch_size=2, seed=1, documents_at=lambda spans: documents_at(shards, spans)
    )
    assert loader.describe([0, 1]) == ["window 0: d0, d1, d2", "window 1: d2, d3"]
    assert WindowLoader(windows, batch_size=2, seed=1).describe([1]) == ["window 1"]
