"""Which documents stand where in the stream of token ids: looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from llm.files import open_parquet, read_manifest
from llm.tokens.shards import MADE_BY, shard_names


def documents_at(directory: Path, spans: Sequence[tuple[int, int]]) -> list[list[str]]:
    """The ids of the documents that hold the tokens from `first` to before `last` of each span.

    directory: the shards whose ids, end to end, are the stream. Only the row groups that a span
    touches are read, so this costs little however long the stream is.
    """
    found: list[list[str]] = [[] for _ in spans]
    begin = 0
    for name in shard_names(read_manifest(directory, made_by=MADE_BY)):
        with open_parquet(directory / name, made_by=MADE_BY) as shard:
            column = shard.schema.names.index("element")
            for number in range(shard.num_row_groups):
                # Every document ends with the end of text, so no list is empty, and the values of
                # the column are the tokens.
                end = begin + shard.metadata.row_group(number).column(column).num_values
                if any(first < end and begin < last for first, last in spans):
                    rows = shard.read_row_group(number, columns=["id", "token_ids"])
                    ids = rows.column("id").to_pylist()
                    lengths = rows.column("token_ids").combine_chunks().value_lengths().to_numpy()
                    ends = begin + np.cumsum(lengths, dtype=np.int64)
                    for names, (first, last) in zip(found, spans, strict=True):
                        # The first document that ends behind `first`, to that which holds last - 1.
                        low = int(np.searchsorted(ends, first, side="right"))
                        high = int(np.searchsorted(ends - lengths, last, side="left"))
                        names += ids[low:high]
                begin = end
    return found
