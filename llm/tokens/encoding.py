"""Documents to token ids on all cores: in order, and never as Python numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm.tokens.tokenizer import Tokenizer

# Text encoded by one call of a thread: long enough that calls cost nothing, short enough that the
# threads end together.
CHUNK_BYTES = 2**20


def encode(
    documents: Iterable[pa.RecordBatch],
    tokenizer: Tokenizer,
    schema: pa.Schema,
    *,
    pool: ThreadPoolExecutor,
    ahead: int,
) -> Iterator[pa.Table]:
    """Rows of `schema` (see `llm.tokens.shards.token_schema`), in the order of the documents.

    documents: batches with the columns id, source, cluster and text. pool, ahead: see `in_order`.
    """
    work = ((_encode_chunk, chunk, tokenizer, schema) for chunk in _chunks(documents))
    return in_order(work, pool=pool, ahead=ahead)


def in_order(work: Iterable[Any], *, pool: ThreadPoolExecutor, ahead: int) -> Iterator[Any]:
    """Results of calls, each (function, *arguments), in order; at most `ahead` more are under way.

    Where a call fails, its error is raised in its turn, and calls that have not begun never do.
    """
    waiting: deque[Future[Any]] = deque()
    try:
        for function, *arguments in work:
            waiting.append(pool.submit(function, *arguments))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _chunks(documents: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The documents cut behind each with which a chunk reaches CHUNK_BYTES of text."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in documents:
        start = 0
        for row, n_bytes in enumerate(pc.binary_length(batch.column("text")).to_pylist(), 1):
            size += n_bytes
            if size >= CHUNK_BYTES:
                yield pa.Table.from_batches([*waiting, batch.slice(start, row - start)])
                waiting, size, start = [], 0, row
        if start < len(batch):
            waiting.append(batch.slice(start))
    if waiting:
        yield pa.Table.from_batches(waiting)


def _encode_chunk(chunk: pa.Table, tokenizer: Tokenizer, schema: pa.Schema) -> pa.Table:
    texts = chunk.column("text").combine_chunks()
    ids, ends = tokenizer.documents.encode(texts)
    field = schema.field("token_ids")
    values = pa.array(ids.astype(field.type.value_type.to_pandas_dtype()))
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    columns = {
        **{name: chunk.column(name) for name in ("id", "source", "cluster")},
        "n_bytes": pc.binary_length(texts).cast(pa.int64()),
        "token_ids": pa.ListArray.from_arrays(offsets, values, type=field.type),
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)
